"""What the portal and a remote Configuration Server say to each other, as JSON; pure.

Reading raises ValueError for whatever is not of the form. Unknown members are passed over, so either side may be newer.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from configserver.contract import About, Answer, PasswordSet, Summary
from configserver.engines.base import Refused, Unreachable
from configserver.values import Granted, Identity, Opened, Question
from core.contacts import NAME_LENGTH
from core.outcomes import Denied

Body = dict[str, Any]
AUTHENTICATE, PASSWORD, CHANGES, VERSIONS, TENANTS, ROLES, SUMMARY, PERSON = (
    "authenticate",
    "password",
    "changes",
    "versions",
    "tenants",
    "roles",
    "summary",
    "about",
)
APPLICATION = "X-Gatehouse-Application"  # a header
LARGEST, LONGEST = 2**63 - 1, 10_000  # of numbers, and of letters in a text
MOST_VERSIONS = 1_000  # asked for at once


def answer_told(found: Answer) -> Body:
    """What a proof came to."""
    if isinstance(found, Identity):
        return {"outcome": "identity", "identity": _identity_told(found)}
    if isinstance(found, Question):
        question = {"prompt": found.prompt, "state": found.state, "echo": found.echo}
        return {"outcome": "question", "id": str(found.person), **question}
    return _failure_told(found)


def _failure_told(found: Refused | Unreachable) -> Body:
    if isinstance(found, Unreachable):
        return {"outcome": "unreachable", "reason": found.reason}
    return {"outcome": "refused", "reason": found.reason, "told": found.told}


def answer_read(body: Mapping[str, Any]) -> Answer:
    """The same, read."""
    outcome = body.get("outcome")
    if outcome == "identity":
        return _identity_read(_of(body, "identity", dict))
    if outcome == "question":
        return Question(
            person=UUID(_of(body, "id", str)),
            prompt=_of(body, "prompt", str),
            state=_of(body, "state", str),
            echo=_of(body, "echo", bool),
        )
    return _failure_read(body)


def _failure_read(body: Mapping[str, Any]) -> Refused | Unreachable:
    if body.get("outcome") == "unreachable":
        return Unreachable(reason=_of(body, "reason", str))
    if body.get("outcome") == "refused":
        return Refused(reason=_of(body, "reason", str), told=_of(body, "told", str))
    raise ValueError("an outcome that is not known")


def set_told(found: PasswordSet | Denied | Refused | Unreachable) -> Body:
    """What became of a new password."""
    if isinstance(found, PasswordSet):
        return {"outcome": "set", "version": found.version}
    if isinstance(found, Denied):
        more = {"field": found.field, "retryAfter": found.retry_after}
        return {"outcome": "denied", "code": found.code, "message": str(found.message), **more}
    return _failure_told(found)


def set_read(body: Mapping[str, Any]) -> PasswordSet | Denied | Refused | Unreachable:
    """The same, read."""
    if body.get("outcome") == "set":
        return PasswordSet(version=_of(body, "version", int))
    if body.get("outcome") == "denied":
        return Denied(
            code=_of(body, "code", str),
            message=_of(body, "message", str),
            field=_of(body, "field", str, type(None)),
            retry_after=_of(body, "retryAfter", int, type(None)),
        )
    return _failure_read(body)


def about_told(found: About | None) -> Body:
    """What is known of a person, if there is one."""
    if found is None:
        return {"person": None}
    more = {"mayChange": found.may_change, "rules": list(found.rules)}
    return {"person": {"engine": found.engine, "login": found.login, **more}}


def about_read(body: Mapping[str, Any]) -> About | None:
    """The same, read."""
    person = _of(body, "person", dict, type(None))
    if person is None:
        return None
    return About(
        engine=_of(person, "engine", str),
        login=_of(person, "login", str),
        may_change=_of(person, "mayChange", bool),
        rules=tuple(map(str, _of(person, "rules", list))),
    )


def versions_read(body: Mapping[str, Any]) -> dict[UUID, int]:
    """The versions of persons by their ids."""
    return {UUID(uid): _whole(version) for uid, version in _of(body, "versions", dict).items()}


def rules_read(body: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """What tenants decide, by DBID."""
    return {_of(one, "dbid", int): dict(_of(one, "rules", dict)) for one in _of(body, "tenants", list)}


def changes_read(body: Mapping[str, Any]) -> tuple[str, int]:
    """Which installation it is, and the number that grows with every change."""
    return _of(body, "installation", str), _of(body, "counter", int)


def roles_read(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names of roles, and what their people do."""
    return [(_of(one, "name", str), _of(one, "description", str)) for one in _of(body, "roles", list)]


def summary_told(found: Summary) -> Body:
    """How far it is filled."""
    peopled = [{"dbid": dbid, "name": name} for dbid, name in found.peopled]
    return {"package": found.package, "hasRoles": found.has_roles, "peopled": peopled}


def summary_read(body: Mapping[str, Any]) -> Summary:
    """The same, read."""
    return Summary(
        package=_of(body, "package", str),
        has_roles=_of(body, "hasRoles", bool),
        peopled=tuple((_of(one, "dbid", int), _of(one, "name", str)) for one in _of(body, "peopled", list)),
    )


# --- an identity -------------------------------------------------------------------------------------------------------------

MOST_VERSION = 2**31 - 1
_LONGEST = {"name": NAME_LENGTH, "display_name": 120, "email": NAME_LENGTH, "phone": 40}

# Members that go over as they are: by the name here, the name there.
_PLAIN: dict[str, tuple[str, tuple[type, ...]]] = {
    "version": ("version", (int,)),
    "name": ("userName", (str,)),
    "display_name": ("displayName", (str,)),
    "email": ("email", (str,)),
    "phone": ("phone", (str,)),
    "tenant": ("tenantDbid", (int, type(None))),
    "engine": ("engine", (str,)),
    "must_change": ("changePasswordAtNextLogin", (bool,)),
    "may_change": ("mayChange", (bool,)),
    "factor_proved": ("factorProved", (bool,)),
    "grace_left": ("graceLeft", (int, type(None))),
    "expires_in": ("expiresIn", (int, type(None))),
}


def _identity_told(found: Identity) -> Body:
    plain = {there: getattr(found, here) for here, (there, _types) in _PLAIN.items()}
    roles = [_granted_told(one) for one in found.roles]
    return {"id": str(found.id), **plain, "roles": roles, "own": _granted_told(found.own)}


def _identity_read(body: Mapping[str, Any]) -> Identity:
    plain = {here: _of(body, there, *types) for here, (there, types) in _PLAIN.items()}
    if not 0 <= plain["version"] <= MOST_VERSION or not 0 <= (plain["tenant"] or 0) <= MOST_VERSION:
        raise ValueError("a version or tenant that there cannot be")
    if any(len(plain[name]) > longest for name, longest in _LONGEST.items()):
        raise ValueError("a name or address that is too long")
    return Identity(
        id=UUID(_of(body, "id", str)),
        roles=tuple(_granted_read(one) for one in _of(body, "roles", list)),
        own=_granted_read(_of(body, "own", dict)),
        **plain,
    )


def _granted_told(found: Granted) -> Body:
    return {
        "name": found.name,
        "rank": found.rank,
        "privileges": sorted([application, name] for application, name in found.privileges),
        "permissions": [
            {"kind": one.kind, "reach": one.reach, "tenantDbid": one.tenant} for one in found.permissions
        ],
    }


def _granted_read(body: Any) -> Granted:
    if not isinstance(body, dict):
        raise ValueError("a role that is no object")
    return Granted(
        name=_of(body, "name", str),
        rank=_of(body, "rank", int),
        privileges=frozenset(map(_pair, _of(body, "privileges", list))),
        permissions=tuple(
            Opened(
                kind=_of(one, "kind", str),
                reach=_of(one, "reach", str),
                tenant=_of(one, "tenantDbid", int, type(None)),
            )
            for one in _of(body, "permissions", list)
        ),
    )


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_VERSION:
        raise ValueError("no version")
    return value


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _pair(value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("no pair")
    return str(value[0]), str(value[1])


def _of(body: Any, name: str, *types: type) -> Any:
    value = body.get(name) if isinstance(body, dict) else None
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{name} is too large")
    if isinstance(value, str) and (len(value) > LONGEST or not _is_text(value)):
        raise ValueError(f"{name} is too long, or no text")
    # A truth value is a whole number to Python, and none to anybody else.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"{name} is missing, or of the wrong type")
    return value

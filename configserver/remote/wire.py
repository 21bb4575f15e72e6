"""What the portal and a remote Configuration Server say to each other, as JSON; pure.

Reading raises ValueError for whatever is not of the form. Unknown members are passed over, so either side may be newer.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from configserver.contract import About, Answer, PasswordSet, Summary
from configserver.engines.base import Refused, Unreachable
from configserver.values import Granted, Identity, Opened, Question
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


def about_told(found: About) -> Body:
    """What is known of a person."""
    return {
        "engine": found.engine,
        "login": found.login,
        "mayChange": found.may_change,
        "rules": list(found.rules),
    }


def about_read(body: Mapping[str, Any]) -> About:
    """The same, read."""
    return About(
        engine=_of(body, "engine", str),
        login=_of(body, "login", str),
        may_change=_of(body, "mayChange", bool),
        rules=tuple(map(str, _of(body, "rules", list))),
    )


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
        privileges=frozenset(
            (str(application), str(name)) for application, name in _of(body, "privileges", list)
        ),
        permissions=tuple(
            Opened(
                kind=_of(one, "kind", str),
                reach=_of(one, "reach", str),
                tenant=_of(one, "tenantDbid", int, type(None)),
            )
            for one in _of(body, "permissions", list)
        ),
    )


def _of(body: Any, name: str, *types: type) -> Any:
    value = body.get(name) if isinstance(body, dict) else None
    # A truth value is a whole number to Python, and none to anybody else.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"{name} is missing, or of the wrong type")
    return value

"""Persons and groups as SCIM shows them, and back: what a resource says as a draft of the verbs."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from configserver.choice import INTERNAL
from configserver.directories import directory_of
from configserver.models import Group, Person
from configserver.scim.errors import invalid
from configserver.scim.schemas import GROUP, PERSON, USER
from configserver.service import choice_of
from configserver.services.person import PersonDraft
from core.draft import KEEP


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _finished(found: dict[str, Any], *, kind: str, row: Person | Group, base: str) -> dict[str, Any]:
    """The resource without empty values, with its meta."""
    found = {name: value for name, value in found.items() if value not in ("", None, [], {})}
    found["meta"] = {
        "resourceType": kind,
        "created": _time(row.created_at),
        "lastModified": _time(row.changed_at),
        "location": f"{base}/{kind}s/{row.uid}",
        "version": etag_of(row),
    }
    return found


def etag_of(row: Person | Group) -> str:
    """The entity tag of a resource as it is now."""
    return f'W/"{hashlib.sha256(f"{row.uid} {row.changed_at.isoformat()}".encode()).hexdigest()[:24]}"'


def _one(value: str) -> list[dict[str, Any]]:
    return [{"value": value, "type": "work", "primary": True}] if value else []


def _engine(person: Person) -> str:
    engine = choice_of(person).engine
    directory = directory_of(engine) if engine != INTERNAL else None
    return INTERNAL if directory is None else directory.protocol


def person_shown(person: Person, groups: Iterable[Group], *, base: str) -> dict[str, Any]:
    """A person in these groups; `tenant` is to be loaded with it, and `base` is the address of `/scim/v2`."""
    shown = [
        {"value": str(one.uid), "$ref": f"{base}/Groups/{one.uid}", "display": one.name, "type": "direct"}
        for one in sorted(groups, key=lambda group: group.pk)
    ]
    found = {
        "schemas": [USER, PERSON],
        "id": str(person.uid),
        "externalId": person.source_ref,
        "userName": person.name,
        "name": _named(person) | {"formatted": person.display_name},
        "displayName": person.display_name,
        "active": person.is_active,
        "emails": _one(person.email),
        "phoneNumbers": _one(person.phone),
        "groups": shown,
        PERSON: {
            "dbid": person.pk,
            "tenantDbid": person.tenant.dbid,
            "changePasswordAtNextLogin": person.must_change_password,
            "engine": _engine(person),
        }
        | ({"externalId": person.external_id} if person.external_id else {}),
    }
    return _finished(found, kind="User", row=person, base=base)


def _named(person: Person) -> dict[str, str]:
    parts = {"familyName": person.family_name, "givenName": person.given_name}
    return {name: value for name, value in parts.items() if value}


def person_written(person: Person) -> dict[str, Any]:
    """What a caller may write of a person, as it is now: what PATCH begins with."""
    found: dict[str, Any] = {
        "externalId": person.source_ref,
        "userName": person.name,
        "name": _named(person),
        "displayName": person.display_name,
        "active": person.is_active,
        "emails": _one(person.email),
        "phoneNumbers": _one(person.phone),
        PERSON: {"externalId": person.external_id, "changePasswordAtNextLogin": person.must_change_password},
    }
    return {name: value for name, value in found.items() if value not in ("", [], {})}


def person_draft(resource: Mapping[str, Any], *, new: bool = True) -> PersonDraft:
    """The whole of what a resource says; what it does not say is empty. Raises ScimError (`invalidValue`).

    Whoever is not new stays switched on or off, and due for a new password, when nothing is said of it.
    """
    name, more = resource.get("name", {}), resource.get(PERSON, {})
    given, family = name.get("givenName", ""), name.get("familyName", "")
    display = resource.get("displayName") or name.get("formatted") or f"{given} {family}".strip()
    display = display or resource["userName"]
    return PersonDraft(
        name=resource["userName"],
        display_name=display,
        given_name=given,
        family_name=family,
        email=_value_of(resource.get("emails", []), "emails"),
        phone=_value_of(resource.get("phoneNumbers", []), "phoneNumbers").removeprefix("tel:"),
        source_ref=resource.get("externalId", ""),
        external_id=more.get("externalId", ""),
        is_active=resource.get("active", True if new else KEEP),
        must_change_password=more.get("changePasswordAtNextLogin", False if new else KEEP),
    )


def _value_of(elements: Sequence[Mapping[str, Any]], name: str) -> str:
    """The one value that is kept: the primary one, else the first."""
    if any("value" not in one for one in elements):
        raise invalid(f"One of the {name} has no value.")
    chosen = next((one for one in elements if one.get("primary") is True), elements[0] if elements else {})
    return str(chosen.get("value", ""))


# In which attribute a field of the verbs stands, for their refusals.
ATTRIBUTES = {
    "name": "userName", "display_name": "displayName", "given_name": "name.givenName", "family_name": "name.familyName",
    "email": "emails", "phone": "phoneNumbers", "source_ref": "externalId", "external_id": f"{PERSON}:externalId",
}  # fmt: skip


def group_shown(group: Group, members: Sequence[Mapping[str, Any]] | None, *, base: str) -> dict[str, Any]:
    """A group; with None for `members` it is shown without them."""
    shown = [
        {
            "value": str(one["uid"]),
            "$ref": f"{base}/Users/{one['uid']}",
            "display": one["display_name"],
            "type": "User",
        }
        for one in members or ()
    ]
    found = {
        "schemas": [GROUP],
        "id": str(group.uid),
        "externalId": group.source_ref,
        "displayName": group.name,
        "members": shown,
    }
    return _finished(found, kind="Group", row=group, base=base)

"""Roles as text, to be kept for taking a package back. Only what `to_json` writes is read again."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from configserver.spd.values import (
    KIND,
    LAST_TENANT,
    RANK_MAXIMUM,
    REACHES,
    Fault,
    Malformed,
    PermissionSpec,
    PrivilegeSpec,
    RoleSpec,
)

VERSION = 1
One = TypeVar("One")


def to_json(roles: Iterable[RoleSpec]) -> str:
    """The roles as text."""
    kept = [
        {
            "name": role.name,
            "rank": role.rank,
            "description": role.description,
            "privileges": [{"application": one.application, "name": one.name} for one in role.privileges],
            "permissions": [
                {"kind": one.kind, "reach": one.reach, "tenant": one.tenant} for one in role.permissions
            ],
        }
        for role in roles
    ]
    return json.dumps({"version": VERSION, "roles": kept}, separators=(",", ":"))


def from_json(text: str) -> tuple[RoleSpec, ...] | Malformed:
    """The roles in a text that `to_json` wrote."""
    try:
        kept = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        return Malformed(code=Fault.SNAPSHOT)
    if isinstance(kept, dict) and type(kept.get("version")) is int and kept["version"] != VERSION:
        return Malformed(code=Fault.SNAPSHOT_VERSION, detail=str(kept["version"])[:20])
    try:
        roles = tuple(_role(one) for one in _checked(kept, version=int, roles=list)["roles"])
        return _distinct(roles, by=[role.name for role in roles])
    except ValueError:
        return Malformed(code=Fault.SNAPSHOT)


def _role(kept: object) -> RoleSpec:
    values = _checked(kept, name=str, rank=int, description=str, privileges=list, permissions=list)
    if not values["name"] or not 0 <= values["rank"] <= RANK_MAXIMUM:
        raise ValueError
    privileges = tuple(_privilege(one) for one in values["privileges"])
    permissions = tuple(_permission(one) for one in values["permissions"])
    return RoleSpec(
        name=values["name"],
        rank=values["rank"],
        description=values["description"],
        privileges=_distinct(privileges, by=privileges),
        permissions=_distinct(permissions, by=permissions),
    )


def _privilege(kept: object) -> PrivilegeSpec:
    return PrivilegeSpec(**_checked(kept, application=str, name=str))


def _permission(kept: object) -> PermissionSpec:
    made = PermissionSpec(**_checked(kept, kind=str, reach=str, tenant=(int, type(None))))
    if not KIND.fullmatch(made.kind) or made.reach not in REACHES:
        raise ValueError
    if (made.tenant is not None) is not (made.reach == "one"):
        raise ValueError
    if made.tenant is not None and not 1 <= made.tenant <= LAST_TENANT:
        raise ValueError
    return made


def _checked(kept: object, **types: type | tuple[type, ...]) -> dict[str, Any]:
    # isinstance() would take True for a number.
    if type(kept) is not dict or kept.keys() != types.keys():
        raise ValueError
    for name, kind in types.items():
        if type(kept[name]) not in (kind if isinstance(kind, tuple) else (kind,)):
            raise ValueError
    return kept


def _distinct(these: tuple[One, ...], *, by: Iterable[object]) -> tuple[One, ...]:
    if len(set(by)) != len(these):
        raise ValueError
    return these


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError
    return read

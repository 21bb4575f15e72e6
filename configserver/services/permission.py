"""The verbs on permissions of external persons and their roles, judged by everything that the holder has before and would have after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.granting import granted_by, opened_by, own_of, roles_held
from configserver.models import Permission, Person, Reach, Role, Tenant
from configserver.services.voiding import void, void_role
from configserver.values import Granted
from core import epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given
from core.outcomes import FORBIDDEN, Denied

KIND = "directory"


@dataclass(frozen=True, kw_only=True)
class PermissionDraft:
    """What can be given for a permission; `KEEP` leaves a field as it is. Who gets it is given once, on creation."""

    person: Person | None = KEEP
    role: Role | None = KEEP
    kind: str = KEEP
    reach: str = KEEP
    tenant: Tenant | None = KEEP


def _malformed(permission: Permission, *, by: Administrator) -> Denied | None:
    if (permission.person is None) == (permission.role is None):
        return Denied(code="invalid", field="person", message=_("Choose a person or a role, not both."))
    if not by.knows_kind(permission.kind):
        return Denied(code="invalid", field="kind", message=_("Choose a kind of object."))
    if permission.reach not in Reach.values:
        return Denied(code="invalid", field="reach", message=_("Choose how far it reaches."))
    if (permission.reach == Reach.ONE) != (permission.tenant is not None):
        return Denied(
            code="invalid",
            field="tenant",
            message=_("Name a tenant with the reach “the company of the tenant named here”, and only then."),
        )
    return None


def _dbid(permission: Permission) -> int | None:
    return permission.person.tenant.dbid if permission.person is not None else None


def _held(permission: Permission) -> tuple[Granted, ...]:
    """What the holder has as it stands in the database."""
    if permission.role is not None:
        return (granted_by(permission.role),)
    if permission.person is None:
        raise ValueError("A permission belongs to a person or to a role.")
    roles = roles_held(Person.objects.filter(pk=permission.person.pk))
    return (*map(granted_by, roles), own_of(permission.person))


def _refuse(permission: Permission, *, verb: str, by: Administrator) -> Denied | None:
    """Whether the actor may bring this change about: by what the holder has, and by the permission itself."""
    if not by.may_touch_tenant(verb, KIND, dbid=None):
        return FORBIDDEN
    itself = Granted(permissions=(opened_by(permission),))
    return by.exceeded_by_grants(*_held(permission), itself, dbid=_dbid(permission))


def create_permission(draft: PermissionDraft, *, by: Administrator, now: datetime) -> Permission | Denied:
    """Let a person, or whoever has a role, see objects of one kind."""
    permission = Permission(**given(draft))
    refusal = _malformed(permission, by=by)
    if refusal is not None:
        return refusal
    with unit():
        refusal = _refuse(permission, verb="add", by=by)
        if refusal is not None:
            return refusal
        permission.save(force_insert=True)
        _void(permission)
        _record(Event.DIRECTORY_PERMISSION_CREATED, permission, by=by, now=now)
    return permission


def _locked(permission: Permission) -> Permission | None:
    rows = Permission.objects.select_for_update(of=("self",)).select_related(
        "role", "person__tenant", "tenant"
    )
    return rows.filter(pk=permission.pk).first()


def change_permission(
    permission: Permission, draft: PermissionDraft, *, by: Administrator, now: datetime
) -> Permission | Denied:
    """Change kind and reach. Refused when its holder, as he was or as he would be, stands above the actor."""
    values = given(draft)
    with unit():
        found = _locked(permission)
        if found is None:
            return NOT_FOUND
        if any(name in values and values[name] != getattr(found, name) for name in ("person", "role")):
            return Denied(
                code="fixed",
                field="person",
                message=_("A permission stays with its holder; make another one."),
            )
        refusal = _refuse(found, verb="change", by=by)
        for name, value in values.items():
            setattr(found, name, value)
        refusal = refusal or _malformed(found, by=by) or _refuse(found, verb="change", by=by)
        if refusal is not None:
            return refusal
        found.save()
        _void(found)
        _record(Event.DIRECTORY_PERMISSION_CHANGED, found, by=by, now=now)
    return found


def delete_permission(permission: Permission, *, by: Administrator, now: datetime) -> Denied | None:
    """Take a permission away."""
    with unit():
        found = _locked(permission)
        if found is None:
            return NOT_FOUND
        refusal = _refuse(found, verb="delete", by=by)
        if refusal is not None:
            return refusal
        _record(Event.DIRECTORY_PERMISSION_DELETED, found, by=by, now=now)
        _void(found)
        found.delete()
    return None


def _void(permission: Permission) -> None:
    epoch.bump()
    if permission.role is not None:
        void_role(permission.role)
    else:
        void(Person.objects.filter(permissions=permission))


def _record(event: Event, permission: Permission, *, by: Administrator, now: datetime) -> None:
    details: dict[str, Any] = {
        "holder": str(permission.role or permission.person),
        "kind": permission.kind,
        "reach": permission.reach,
        "tenant": permission.tenant.dbid if permission.tenant is not None else None,
    }
    record(
        event,
        origin=by.origin,
        at=now,
        company_id=by.company_of_tenant(_dbid(permission)),
        subject=permission,
        **details,
    )

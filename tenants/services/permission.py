"""The verbs on permissions. Each is judged by everything that its person or role has before and would have after."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from core import epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Company, Kind, Permission, Reach, Role
from tenants.rights import Rights
from tenants.rules import may_touch, rights_given_by
from tenants.services.role import BUILT_IN_FULL, is_full_administrator, refuse_above_holder, rights_of_role

KEPT_ELSEWHERE = Denied(
    code="kept_elsewhere",
    field="user",
    message=_("What this person may see is kept in the Configuration Server; change it there."),
)


@dataclass(frozen=True, kw_only=True)
class PermissionDraft:
    """What can be given for a permission; `KEEP` leaves a field as it is. Who gets it is given once, on creation."""

    user: Any = KEEP  # accounts.User: people live in the app above
    role: Role | None = KEEP
    kind: str = KEEP
    reach: str = KEEP
    company: Company | None = KEEP


def _rights_with(holder: Permission, permissions: Iterable[Permission]) -> Rights:
    """Everything that the person or role of `holder` has when its own permissions are these."""
    if holder.role is not None:
        return rights_of_role(holder.role, permissions=permissions)
    user = holder.user
    if user is None:
        raise ValueError("A permission belongs to a person or to a role.")
    return rights_given_by(roles=list(user.roles.all()), permissions=list(permissions), own=user.company_id)


def _company_of(permission: Permission) -> int | None:
    holder = permission.role or permission.user
    return holder.company_id if holder is not None else None


def _siblings(permission: Permission) -> list[Permission]:
    holder = permission.role or permission.user
    return list(holder.permissions.exclude(pk=permission.pk)) if holder is not None else []


def _malformed(permission: Permission) -> Denied | None:
    if (permission.user is None) == (permission.role is None):
        return Denied(code="invalid", field="user", message=_("Choose a person or a role, not both."))
    if permission.kind not in Kind.values:
        return Denied(code="invalid", field="kind", message=_("Choose a kind of object."))
    if permission.reach not in Reach.values:
        return Denied(code="invalid", field="reach", message=_("Choose how far it reaches."))
    if (permission.reach == Reach.ONE) != (permission.company is not None):
        return Denied(
            code="invalid",
            field="company",
            message=_("Name a company with the reach “the company named here”, and only then."),
        )
    return None


def _refuse(
    permission: Permission, *, verb: str, by: Actor, before: list[Permission], after: list[Permission]
) -> Denied | None:
    """Whether the actor may bring about this change, by what the holder has before and would have after."""
    if not may_touch(by.rights, verb, "permission", company_id=_company_of(permission)):
        return FORBIDDEN
    refusal = by.exceeded_by(_rights_with(permission, before), _rights_with(permission, after))
    if refusal is None and permission.role is not None:
        refusal = refuse_above_holder(permission.role, by=by)
    return refusal


def create_permission(draft: PermissionDraft, *, by: Actor, now: datetime) -> Permission | Denied:
    """Let a person or the people of a role see objects of one kind."""
    permission = Permission(**given(draft))
    malformed = _malformed(permission)
    if malformed is not None:
        return malformed
    if permission.user is not None and permission.user.is_external:
        return KEPT_ELSEWHERE
    with unit():
        before = _siblings(permission)
        refusal = _refuse(permission, verb="add", by=by, before=before, after=[*before, permission])
        if refusal is not None:
            return refusal
        permission.save(force_insert=True)
        epoch.bump()
        _record(Event.PERMISSION_CREATED, permission, by=by, now=now)
    return permission


def _locked(permission: Permission) -> Permission | None:
    rows = Permission.objects.select_for_update(of=("self",)).select_related("role", "user", "company")
    return rows.filter(pk=permission.pk).first()


def _refuse_sight(permission: Permission, *, by: Actor) -> Denied | None:
    if not may_touch(by.rights, "view", "permission", company_id=_company_of(permission)):
        return NOT_FOUND
    if permission.role is not None and is_full_administrator(permission.role):
        return BUILT_IN_FULL
    return None


def change_permission(
    permission: Permission, draft: PermissionDraft, *, by: Actor, now: datetime
) -> Permission | Denied:
    """Change kind and reach. Refused when its holder, as he was or as he would be, stands above the actor."""
    values = given(draft)
    with unit():
        found = _locked(permission)
        if found is None:
            return NOT_FOUND
        refusal = _refuse_sight(found, by=by)
        if refusal is not None:
            return refusal
        if any(name in values and values[name] != getattr(found, name) for name in ("user", "role")):
            return Denied(
                code="fixed", field="user", message=_("A permission stays with its holder; make another one.")
            )
        others, before = _siblings(found), Permission.objects.get(pk=found.pk)
        for name, value in values.items():
            setattr(found, name, value)
        malformed = _malformed(found)
        if malformed is not None:
            return malformed
        refusal = _refuse(found, verb="change", by=by, before=[*others, before], after=[*others, found])
        if refusal is not None:
            return refusal
        found.save()
        epoch.bump()
        _record(Event.PERMISSION_CHANGED, found, by=by, now=now)
    return found


def delete_permission(permission: Permission, *, by: Actor, now: datetime) -> Denied | None:
    """Take a permission away."""
    with unit():
        found = _locked(permission)
        if found is None:
            return NOT_FOUND
        others = _siblings(found)
        refusal = _refuse_sight(found, by=by) or _refuse(
            found, verb="delete", by=by, before=[*others, found], after=others
        )
        if refusal is not None:
            return refusal
        _record(Event.PERMISSION_DELETED, found, by=by, now=now)
        epoch.bump()
        found.delete()
    return None


def _record(event: Event, permission: Permission, *, by: Actor, now: datetime) -> None:
    record(
        event,
        origin=by.origin,
        at=now,
        company_id=_company_of(permission),
        subject=permission,
        holder=str(permission.role or permission.user),
        kind=permission.kind,
        reach=permission.reach,
        # By id: those who read the holder's trail need not know the other company.
        company=str(permission.company.uid) if permission.company else None,
    )

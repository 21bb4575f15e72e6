"""The verbs on roles. Each is judged by everything that the role would give, and gave before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Q, RestrictedError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from audit.events import Event
from audit.record import record
from core import epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import RANK_MAXIMUM, Company, Permission, Privilege, Reach, Role, SecondFactorPolicy
from tenants.rights import EVERYWHERE, OPEN_ADMIN, Companies, Rights, sum_of
from tenants.rules import companies_of, may_touch

NAME_TAKEN = Denied(code="name_taken", field="name", message=_("There is a role of this name already."))
BUILT_IN = Denied(
    code="built_in", message=_("A built-in role keeps its name and rank, and cannot be deleted.")
)
OUT_OF_REACH = Denied(
    code="forbidden",
    field="company",
    message=_(
        "Choose a company whose roles you may add. Only who sees every company may add a role for every company."
    ),
)
NAMED_ELSEWHERE = Denied(
    code="in_use",
    message=_("An integration lets people in up to this role. Give the integration another one first."),
)
# What a refusal of a new role is about.
FIELDS = {"rank_too_high": "rank", "privilege_not_held": "privileges"}
STANDS_ABOVE = _("This role may do or see more than you, so you cannot change it.")
BUILT_IN_FULL = Denied(
    code="built_in",
    message=_("The Full Administrator loses nothing, so that somebody can always repair what is wrong."),
)


@dataclass(frozen=True, kw_only=True)
class RoleDraft:
    """What can be given for a role; `KEEP` leaves a field as it is. The company is given once, on creation."""

    name: str = KEEP
    company: Company | None = KEEP
    rank: int = KEEP
    privileges: Sequence[Privilege] = KEEP
    twofactor_policy: str = KEEP


def _reach_of(permission: Permission, role: Role) -> Companies:
    # A role without a company can be given anywhere, so "the person's own company" may be any.
    if permission.reach == Reach.OWN and role.company_id is None:
        return EVERYWHERE
    return companies_of(permission, own=role.company_id)


def rights_of_role(
    role: Role,
    *,
    privileges: Iterable[Privilege] | None = None,
    permissions: Iterable[Permission] | None = None,
) -> Rights:
    """The most that this role can give to anybody, as it is or with these privileges or permissions instead."""
    held = role.privileges.all() if privileges is None else privileges
    opened = role.permissions.all() if permissions is None else permissions
    base = Rights(rank=role.rank, privileges=frozenset((one.application, one.name) for one in held))
    return sum_of([base, *(Rights(reach={one.kind: _reach_of(one, role)}) for one in opened)])


def refuse_above_holder(role: Role, *, by: Actor) -> Denied | None:
    """Refuse to change what somebody has who has more than the actor: with the rest of it, a small gift may open much."""
    others = Role.objects.filter(users__roles=role).exclude(pk=role.pk).distinct()
    parts = [
        Rights(
            rank=one.rank,
            privileges=frozenset((held.application, held.name) for held in one.privileges.all()),
        )
        for one in others.prefetch_related("privileges")
    ]
    opened = Permission.objects.filter(Q(user__roles=role) | Q(role__in=others)).order_by()
    for kind, reach, company_id in opened.values_list("kind", "reach", "company").distinct():
        permission = Permission(kind=kind, reach=reach, company_id=company_id)
        parts.append(Rights(reach={kind: _reach_of(permission, role)}))
    refusal = by.exceeded_by(*parts)
    if refusal is None:
        return None
    return replace(
        refusal, message=_("Somebody with this role has more than you have, so you cannot change it.")
    )


# The one role that stands above every other and loses nothing.
FULL_ADMINISTRATOR = Q(is_built_in=True, company=None, rank=RANK_MAXIMUM)


def is_full_administrator(role: Role) -> bool:
    """Whether this role is the one of `FULL_ADMINISTRATOR`."""
    return role.is_built_in and role.company_id is None and role.rank == RANK_MAXIMUM


def refuse_touch_role(role: Role, *, verb: str, by: Actor) -> Denied | None:
    """Whether this actor may touch this role as it is: in sight, in reach, and not above the actor."""
    in_sight = role.company_id is None and by.rights.may("view", "role")
    if not in_sight and not may_touch(by.rights, "view", "role", company_id=role.company_id):
        return NOT_FOUND
    if not may_touch(by.rights, verb, "role", company_id=role.company_id):
        return FORBIDDEN
    exceeded = by.exceeded_by(rights_of_role(role))
    return None if exceeded is None else replace(exceeded, message=STANDS_ABOVE)


def _checked(draft: RoleDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    if "name" in values:
        name = line(values["name"], field="name", longest=120)
        if isinstance(name, Denied):
            return name
        values["name"] = name
    if not 0 <= values.get("rank", 0) <= RANK_MAXIMUM:
        return Denied(code="invalid", field="rank", message=_("Enter a whole number from 0 to 100."))
    if values.get("twofactor_policy", "") not in {"", *SecondFactorPolicy.values}:
        return Denied(
            code="invalid", field="twofactor_policy", message=_("Choose off, optional, required or nothing.")
        )
    if "privileges" in values:
        values["privileges"] = list(dict.fromkeys(values["privileges"]))
    return values


def _is_name_taken(name: str, *, company_id: int | None, but: int | None = None) -> bool:
    return Role.objects.filter(name=name, company=company_id).exclude(pk=but or 0).exists()


def create_role(draft: RoleDraft, *, by: Actor, now: datetime) -> Role | Denied:
    """Make a role of a company in reach; one for every company only by those who see every company."""
    values = _checked(RoleDraft(**({"name": "", "company": None, "privileges": ()} | given(draft))))
    if isinstance(values, Denied):
        return values
    privileges = values.pop("privileges")
    role = Role(**values)
    if not may_touch(by.rights, "add", "role", company_id=role.company_id):
        return OUT_OF_REACH if by.rights.may("add", "role") else FORBIDDEN
    refusal = by.exceeded_by(rights_of_role(role, privileges=privileges, permissions=()))
    if refusal is not None:
        return replace(refusal, field=FIELDS.get(refusal.code))
    if _is_name_taken(role.name, company_id=role.company_id):
        return NAME_TAKEN
    try:
        with unit():
            role.save(force_insert=True)
            role.privileges.set(privileges)
            _record(Event.ROLE_CREATED, role, by=by, now=now, rank=role.rank, privileges=_names(privileges))
    except IntegrityError:
        return NAME_TAKEN
    return role


def _locked(role: Role) -> Role | None:
    return Role.objects.select_for_update(of=("self",)).select_related("company").filter(pk=role.pk).first()


def _refuse_change(role: Role, changed: dict[str, Any], *, held: list[Privilege], by: Actor) -> Denied | None:
    if "company" in changed:
        return Denied(
            code="fixed", field="company", message=_("A role stays with its company; make another one there.")
        )
    if role.is_built_in and {"name", "rank"} & changed.keys():
        return BUILT_IN
    privileges = changed.get("privileges", held)
    if is_full_administrator(role) and set(held) - set(privileges):
        return BUILT_IN_FULL
    after = rights_of_role(role, privileges=privileges)
    refusal = by.exceeded_by(sum_of([after, Rights(rank=changed.get("rank", role.rank))]))
    if refusal is None and changed.keys() - {"name"}:
        refusal = refuse_above_holder(role, by=by)
    if (
        refusal is None
        and "name" in changed
        and _is_name_taken(changed["name"], company_id=role.company_id, but=role.pk)
    ):
        return NAME_TAKEN
    return refusal


def change_role(role: Role, draft: RoleDraft, *, by: Actor, now: datetime) -> Role | Denied:
    """Change what is given. Refused when the role, as it was or as it would be, stands above the actor."""
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _locked(role)
            if found is None:
                return NOT_FOUND
            held = list(found.privileges.all())
            changed = {
                name: value
                for name, value in values.items()
                if (set(value) != set(held) if name == "privileges" else value != getattr(found, name))
            }
            refusal = refuse_touch_role(found, verb="change", by=by)
            refusal = refusal or _refuse_change(found, changed, held=held, by=by)
            if refusal is not None:
                return refusal
            if changed:
                _apply(found, changed, held=held, by=by, now=now)
    except IntegrityError:
        return NAME_TAKEN
    return found


def _apply(role: Role, changed: dict[str, Any], *, held: list[Privilege], by: Actor, now: datetime) -> None:
    columns = {name: value for name, value in changed.items() if name != "privileges"}
    for name, value in columns.items():
        setattr(role, name, value)
    role.save(update_fields=sorted(columns))
    details: dict[str, Any] = {"fields": sorted(changed)}
    if "privileges" in changed:
        role.privileges.set(changed["privileges"])
        if any(one.name == OPEN_ADMIN for one in set(held) ^ set(changed["privileges"])):
            role.users.update(admin_changed_at=now)
        details["given"] = _names(set(changed["privileges"]) - set(held))
        details["taken"] = _names(set(held) - set(changed["privileges"]))
    if "rank" in changed:
        details["rank"] = role.rank
    epoch.bump()
    _record(Event.ROLE_CHANGED, role, by=by, now=now, **details)


def delete_role(role: Role, *, by: Actor, now: datetime) -> Denied | None:
    """Delete a role that nobody has and that nothing names; its permissions go with it."""
    try:
        return _delete(role, by=by, now=now)
    except RestrictedError:
        return NAMED_ELSEWHERE


def _delete(role: Role, *, by: Actor, now: datetime) -> Denied | None:
    with unit():
        found = _locked(role)
        if found is None:
            return NOT_FOUND
        refusal = refuse_touch_role(found, verb="delete", by=by)
        if refusal is not None:
            return refusal
        if found.is_built_in:
            return BUILT_IN
        people = found.users.count()
        if people:
            return Denied(
                code="in_use",
                message=ngettext_lazy(
                    "%(count)d person has this role. Give this person another one first.",
                    "%(count)d people have this role. Give them another one first.",
                    people,
                )
                % {"count": people},
            )
        _record(Event.ROLE_DELETED, found, by=by, now=now)
        epoch.bump()
        found.delete()
    return None


def _names(privileges: Iterable[Privilege]) -> list[str]:
    return sorted(str(one) for one in privileges)


def _record(event: Event, role: Role, *, by: Actor, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, company_id=role.company_id, subject=role, **details)

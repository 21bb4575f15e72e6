"""The verbs on the roles of external persons. Each is judged by everything that the role would give, and gave before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.granting import granted_by
from configserver.models import RANK_MAXIMUM, Privilege, Role
from configserver.services.voiding import void_role
from configserver.values import Granted
from core import epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied

KIND = "directory"
NAME_TAKEN = Denied(code="name_taken", field="name", message=_("There is a role of this name already."))
IN_USE = Denied(
    code="in_use",
    message=_("Persons or groups of a directory have this role. Give them another one first."),
)
MOST_PRIVILEGES = 2_000
FIELDS = {"rank_too_high": "rank", "privilege_not_held": "privileges"}


@dataclass(frozen=True, kw_only=True)
class RoleDraft:
    """What can be given for a role; `KEEP` leaves a field as it is. Privileges are pairs of application and name."""

    name: str = KEEP
    rank: int = KEEP
    description: str = KEEP
    privileges: Sequence[tuple[str, str]] = KEEP


def _checked(draft: RoleDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    for name, longest in (("name", 120), ("description", 300)):
        if name in values:
            text = line(values[name], field=name, longest=longest, empty=name == "description")
            if isinstance(text, Denied):
                return text
            values[name] = text
    if not 0 <= values.get("rank", 0) <= RANK_MAXIMUM:
        return Denied(code="invalid", field="rank", message=_("Enter a whole number from 0 to 100."))
    if "privileges" in values:
        pairs = _checked_privileges(values["privileges"])
        if isinstance(pairs, Denied):
            return pairs
        values["privileges"] = pairs
    return values


def _checked_privileges(pairs: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]] | Denied:
    if len(pairs) > MOST_PRIVILEGES:
        return Denied(
            code="invalid", field="privileges", message=_("These are too many privileges for one role.")
        )
    found = set()
    for application, name in pairs:
        tidy = (
            line(application, field="privileges", longest=80),
            line(name, field="privileges", longest=120),
        )
        refused = next((one for one in tidy if isinstance(one, Denied)), None)
        if refused is not None:
            return refused
        found.add((str(tidy[0]), str(tidy[1])))
    return frozenset(found)


def _refuse(by: Administrator, verb: str, *grants: Granted) -> Denied | None:
    if not by.may_touch_tenant(verb, KIND, dbid=None):
        return FORBIDDEN
    refusal = by.exceeded_by_grants(*grants, dbid=None)
    return None if refusal is None else replace(refusal, field=FIELDS.get(refusal.code))


def set_privileges(role: Role, pairs: Iterable[tuple[str, str]]) -> None:
    """Inside a unit: the role gives these privileges and no others."""
    wanted = set(pairs)
    rows = [Privilege(application=application, name=name) for application, name in sorted(wanted)]
    Privilege.objects.bulk_create(rows, ignore_conflicts=True)
    applications = {application for application, _name in wanted}
    known = Privilege.objects.filter(application__in=applications)
    role.privileges.set([one for one in known if (one.application, one.name) in wanted])


def create_role(draft: RoleDraft, *, by: Administrator, now: datetime) -> Role | Denied:
    """Make a role."""
    values = _checked(RoleDraft(**({"name": "", "privileges": ()} | given(draft))))
    if isinstance(values, Denied):
        return values
    privileges = values.pop("privileges")
    role = Role(**values)
    refusal = _refuse(by, "add", Granted(rank=role.rank, privileges=privileges))
    if refusal is not None:
        return refusal
    if Role.objects.filter(name=role.name).exists():
        return NAME_TAKEN
    try:
        with unit():
            role.save(force_insert=True)
            set_privileges(role, privileges)
            epoch.bump()
            _record(
                Event.DIRECTORY_ROLE_CREATED, role, by=by, now=now, rank=role.rank, given=_names(privileges)
            )
    except IntegrityError:
        return NAME_TAKEN
    return role


def _locked(role: Role) -> Role | None:
    return Role.objects.select_for_update().filter(pk=role.pk).first()


def change_role(role: Role, draft: RoleDraft, *, by: Administrator, now: datetime) -> Role | Denied:
    """Change what is given; whoever has the role signs in again. Refused when it stands, or would stand, above the actor."""
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _locked(role)
            if found is None:
                return NOT_FOUND
            before = granted_by(found)
            changed = {
                name: value
                for name, value in values.items()
                if value != (before.privileges if name == "privileges" else getattr(found, name))
            }
            after = replace(
                before,
                rank=changed.get("rank", before.rank),
                privileges=changed.get("privileges", before.privileges),
            )
            refusal = _refuse(by, "change", before, after)
            if refusal is not None:
                return refusal
            if "name" in changed and Role.objects.filter(name=changed["name"]).exists():
                return NAME_TAKEN
            if changed:
                _apply(found, changed, before=before, by=by, now=now)
    except IntegrityError:
        return NAME_TAKEN
    return found


def _apply(role: Role, changed: dict[str, Any], *, before: Granted, by: Administrator, now: datetime) -> None:
    columns = {name: value for name, value in changed.items() if name != "privileges"}
    for name, value in columns.items():
        setattr(role, name, value)
    if columns:
        role.save(update_fields=sorted(columns))
    details: dict[str, Any] = {"fields": sorted(changed)}
    if "privileges" in changed:
        set_privileges(role, changed["privileges"])
        details["given"] = _names(changed["privileges"] - before.privileges)
        details["taken"] = _names(before.privileges - changed["privileges"])
    if changed.keys() - {"description"}:
        void_role(role)
    epoch.bump()
    _record(Event.DIRECTORY_ROLE_CHANGED, role, by=by, now=now, **details)


def delete_role(role: Role, *, by: Administrator, now: datetime) -> Denied | None:
    """Delete a role that neither a person nor a group has; its permissions go with it."""
    with unit():
        found = _locked(role)
        if found is None:
            return NOT_FOUND
        refusal = _refuse(by, "delete", granted_by(found))
        if refusal is not None:
            return refusal
        if found.persons.exists() or found.groups.exists():
            return IN_USE
        _record(Event.DIRECTORY_ROLE_DELETED, found, by=by, now=now)
        epoch.bump()
        found.delete()
    return None


def _names(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return sorted(f"{application}: {name}" for application, name in pairs)


def _record(event: Event, role: Role, *, by: Administrator, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, subject=role, **details)

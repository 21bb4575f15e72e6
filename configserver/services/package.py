"""The verbs on role packages: look at what one would change, apply it, roll it back. What is done is what was looked at."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from audit.events import Event
from audit.record import record
from configserver import spd
from configserver.access import Administrator
from configserver.models import ENVIRONMENT_DBID, Role, SolutionPackage, Tenant
from configserver.services.package_refusals import (
    bad_package,
    refuse_anything,
    refuse_kinds,
    refuse_opened,
    refuse_rights,
    refuse_taking,
)
from configserver.services.package_roles import carry_out, roles_named
from configserver.spd import Difference, Malformed, RoleSpec
from core import epoch
from core.db import unit
from core.draft import NOT_FOUND
from core.outcomes import Denied

MOST_TOLD = 50  # names of roles in an event, of each sort
ROLLED_BACK = Denied(code="rolled_back", message=__("This package has been rolled back already."))
CHANGED_SINCE = Denied(
    code="conflict",
    message=__(
        "The roles have changed since the difference was shown. Nothing was changed now; look at the difference again."
    ),
)
MEANWHILE = Denied(
    code="conflict",
    message=__("Somebody else made one of these roles at the same moment. Nothing was changed."),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would change now if a package were applied, or rolled back, and what stands in the way of it."""

    name: str
    version: str
    difference: Difference
    passed_over: int = 0  # steps of the file that are not carried out
    refusal: Denied | None = None

    @property
    def seen(self) -> str:
        """Stands for the difference: the verbs take it, and do nothing else than what somebody has looked at."""
        told = repr((self.name, self.version, self.difference))
        return hashlib.sha256(told.encode()).hexdigest()


def _owned(name: str) -> frozenset[str]:
    """The names of the roles that belong to the package of this name."""
    return frozenset(Role.objects.filter(package=name).values_list("name", flat=True))


# --- applying ----------------------------------------------------------------------------------------------------------------------


def plan_package(data: bytes, *, by: Administrator) -> Plan | Denied:
    """What applying the package in this file would change. Nothing is changed."""
    package = spd.parse(data)
    if isinstance(package, Malformed):
        return bad_package(package)
    if (refusal := refuse_anything("view", by=by)) is not None:
        return refusal
    return _planned(package, by=by)[0]


def _planned(
    package: spd.Package, *, by: Administrator, locked: bool = False
) -> tuple[Plan, tuple[RoleSpec, ...]]:
    """The plan, and the roles that it may touch as they are."""
    belonging = _owned(package.name)
    before = roles_named(belonging | {role.name for role in package.roles}, locked=locked)
    difference = spd.difference(before, package.roles, belonging=belonging)
    refusal = (
        refuse_anything("change", by=by)
        or _refuse_again(package)
        or refuse_kinds(package.roles, by=by)
        or refuse_opened(package.roles)
        or refuse_rights((*before, *package.roles), by=by)
        or refuse_taking(difference)
    )
    plan = Plan(
        name=package.name,
        version=package.version,
        difference=difference,
        passed_over=package.passed_over,
        refusal=refusal,
    )
    return plan, before


def _refuse_again(package: spd.Package) -> Denied | None:
    standing = SolutionPackage.objects.filter(rolled_back_at=None)
    if not standing.filter(name=package.name, version=package.version).exists():
        return None
    told = {"name": package.name, "version": package.version}
    return Denied(
        code="package_exists",
        message=_("The package %(name)s has been applied in its version %(version)s already.") % told,
    )


def apply_package(
    data: bytes, *, by: Administrator, now: datetime, seen: str = ""
) -> SolutionPackage | Denied:
    """Put the roles of this file in force; whoever has a changed one signs in again. `seen`: only if this is still what changes."""
    package = spd.parse(data)
    if isinstance(package, Malformed):
        return bad_package(package)
    try:
        with unit():
            _one_at_a_time()
            plan, before = _planned(package, by=by, locked=True)
            if plan.refusal is not None:
                return plan.refusal
            if seen and seen != plan.seen:
                return CHANGED_SINCE
            return _applied(package, plan.difference, before=before, by=by, now=now)
    except IntegrityError:
        return MEANWHILE


def _one_at_a_time() -> None:
    # Two at once would each leave standing what the other brought.
    Tenant.objects.select_for_update(no_key=True).get(dbid=ENVIRONMENT_DBID)


def _applied(
    package: spd.Package,
    difference: Difference,
    *,
    before: Sequence[RoleSpec],
    by: Administrator,
    now: datetime,
) -> SolutionPackage:
    names = [role.name for role in package.roles]
    owners = dict(Role.objects.filter(name__in=[one.name for one in before]).values_list("name", "package"))
    kept = SolutionPackage.objects.create(
        name=package.name,
        version=package.version,
        description=Truncator(package.description).chars(300),
        summary=Truncator(package.summary).chars(1_000),
        deploymentkey=package.deploymentkey,
        roles=names,
        before=json.dumps({"owners": owners, "roles": spd.to_json(before)}),
        applied_at=now,
        applied_by=str(by.origin.actor)[:254] if by.origin.actor is not None else "",
    )
    carry_out(difference)
    Role.objects.filter(name__in=names).update(package=package.name)
    epoch.bump()
    _record(Event.PACKAGE_APPLIED, kept, difference, by=by, now=now)
    return kept


# --- rolling back ----------------------------------------------------------------------------------------------------------------


def plan_roll_back(package: SolutionPackage, *, by: Administrator) -> Plan | Denied:
    """What rolling this package back would change. Nothing is changed."""
    if (refusal := refuse_anything("view", by=by)) is not None:
        return refusal
    kept = _kept(package)
    if isinstance(kept, Malformed):
        return bad_package(kept)
    return _planned_back(package, kept[0], by=by)


def _kept(package: SolutionPackage) -> tuple[tuple[RoleSpec, ...], Mapping[str, str]] | Malformed:
    """The roles that the package touched as they were before it, and to which packages they belonged."""
    text = json.loads(package.before)
    roles = spd.from_json(text["roles"])
    return roles if isinstance(roles, Malformed) else (roles, text["owners"])


def _planned_back(
    package: SolutionPackage, kept: Collection[RoleSpec], *, by: Administrator, locked: bool = False
) -> Plan:
    # Of what it brought, only what is still its own goes: a role that was made anew by hand is somebody else's.
    belonging = _owned(package.name) & set(package.roles)
    there = roles_named(belonging | {role.name for role in kept}, locked=locked)
    found = spd.difference(there, tuple(kept), belonging=belonging)
    difference = replace(found, taken_over=())
    refusal = (
        refuse_anything("change", by=by)
        or (ROLLED_BACK if package.rolled_back_at is not None else None)
        or _refuse_buried(package)
        or refuse_opened(kept)
        or refuse_rights((*there, *kept), by=by)
        or refuse_taking(difference)
    )
    return Plan(name=package.name, version=package.version, difference=difference, refusal=refusal)


def _refuse_buried(package: SolutionPackage) -> Denied | None:
    """The refusal when a later package touched one of the same roles: what was before this one is not what would come back."""
    later = SolutionPackage.objects.filter(pk__gt=package.pk, rolled_back_at=None).order_by("pk")
    for one in later:
        if _touched(one) & _touched(package):
            return Denied(
                code="superseded",
                message=_(
                    "The package %(package)s was applied later and touched the same roles. Roll it back first."
                )
                % {"package": one},
            )
    return None


def _touched(package: SolutionPackage) -> set[str]:
    return {*package.roles, *json.loads(package.before)["owners"]}


def roll_back_package(
    package: SolutionPackage, *, by: Administrator, now: datetime, seen: str = ""
) -> SolutionPackage | Denied:
    """Put the roles of this package back as they were before it. `seen`: only if this is still what changes."""
    try:
        with unit():
            _one_at_a_time()
            found = SolutionPackage.objects.select_for_update().filter(pk=package.pk).first()
            if found is None:
                return NOT_FOUND
            kept = _kept(found)
            if isinstance(kept, Malformed):
                return bad_package(kept)
            roles, owners = kept
            plan = _planned_back(found, roles, by=by, locked=True)
            if plan.refusal is not None:
                return plan.refusal
            if seen and seen != plan.seen:
                return CHANGED_SINCE
            carry_out(plan.difference)
            for owner in set(owners.values()):
                names = [name for name, whose in owners.items() if whose == owner]
                Role.objects.filter(name__in=names).update(package=owner)
            found.rolled_back_at = now
            found.save(update_fields=["rolled_back_at"])
            epoch.bump()
            _record(Event.PACKAGE_ROLLED_BACK, found, plan.difference, by=by, now=now)
            return found
    except IntegrityError:
        return MEANWHILE


def _record(
    event: Event, package: SolutionPackage, difference: Difference, *, by: Administrator, now: datetime
) -> None:
    record(
        event,
        origin=by.origin,
        at=now,
        subject=package,
        added=_names(role.name for role in difference.added),
        changed=_names(change.name for change in difference.changed),
        removed=_names(role.name for role in difference.removed),
        taken_over=_names(difference.taken_over),
        privileges_given=difference.privileges_added,
        privileges_taken=difference.privileges_removed,
    )


def _names(names: Iterable[str]) -> list[str]:
    """The first names, and how many more there are."""
    found = list(names)
    more = [f"… {len(found) - MOST_TOLD}"] if len(found) > MOST_TOLD else []
    return found[:MOST_TOLD] + more

"""The verbs on tenants; only for those who may change the directories of the whole installation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.directory import PROVING
from configserver.models import ENVIRONMENT_DBID, Directory, Enforce, Library, Tenant
from configserver.options import tenant_rules
from configserver.services.above import NO_PROOF, refuse_groups, refuse_over
from configserver.services.voiding import below, of_tenant, void_tenant
from core import epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.options import Value
from core.outcomes import FORBIDDEN, Denied

KIND = "directory"
HARMLESS = frozenset({"name", "rules", "inherits"})  # neither who is let in, nor by whom
DBID_MAXIMUM = 2_147_483_647
NAME_TAKEN = Denied(code="name_taken", field="name", message=_("There is a tenant of this name already."))
DBID_TAKEN = Denied(code="name_taken", field="dbid", message=_("There is a tenant with this DBID already."))
ROOT = Denied(
    code="built_in",
    message=_(
        "ENVIRONMENT is the root of all tenants: it keeps its number and place, stays on, and its rules are the settings."
    ),
)
IN_USE = Denied(
    code="in_use",
    message=_(
        "Persons, tenants below, or mappings of directories name this tenant. Move or delete them first."
    ),
)


@dataclass(frozen=True, kw_only=True)
class TenantDraft:
    """What can be given for a tenant; `KEEP` leaves a field as it is. `rules` holds all that the tenant says itself."""

    dbid: int = KEEP
    name: str = KEEP
    parent: Tenant | None = KEEP
    is_active: bool = KEEP
    library: str = KEEP
    directory: Directory | None = KEEP
    enforce: str = KEEP
    rules: Mapping[str, object] = KEEP
    inherits: bool = KEEP


def _checked(draft: TenantDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    if "name" in values:
        name = line(values["name"], field="name", longest=120)
        if isinstance(name, Denied):
            return name
        values["name"] = name
    if not 1 <= values.get("dbid", 1) <= DBID_MAXIMUM:
        return Denied(
            code="invalid",
            field="dbid",
            message=_("Enter a whole number from 1 to %(most)s.") % {"most": DBID_MAXIMUM},
        )
    for name, choices in (("library", Library.values), ("enforce", Enforce.values)):
        if values.get(name, "") not in choices:
            return Denied(code="invalid", field=name, message=_("Choose one of those that are offered."))
    if "rules" in values:
        rules = _checked_rules(values["rules"])
        if isinstance(rules, Denied):
            return rules
        values["rules"] = rules
    return values


def _checked_rules(given_rules: Mapping[str, object]) -> dict[str, Value] | Denied:
    known = tenant_rules()
    rules: dict[str, Value] = {}
    for name, value in given_rules.items():
        option = known.get(name)
        if option is None:
            return Denied(code="unknown_setting", field=name, message=_("There is no rule of this name."))
        parsed = option.parse(value)
        if isinstance(parsed, Denied):
            return parsed
        rules[name] = parsed
    return rules


def _refuse(by: Administrator, verb: str) -> Denied | None:
    return None if by.may_touch_tenant(verb, KIND, dbid=None) else FORBIDDEN


def _refuse_persons(tenant: Tenant, *, by: Administrator) -> Denied | None:
    """The refusal when somebody of the tenant, or of one below, has or may get more than the actor."""
    return refuse_over(of_tenant(tenant), by=by) or _refuse_groups(tenant, by=by)


def _refuse_groups(tenant: Tenant, *, by: Administrator) -> Denied | None:
    """The same for the groups of the directory that the tenant, or the nearest above it, names."""
    here: Tenant | None = tenant
    while here is not None and not here.library:
        here = here.parent
    return refuse_groups(here.directory if here is not None else None, by=by)


def _malformed(tenant: Tenant) -> Denied | None:
    if (tenant.library == Library.DIRECTORY) != (tenant.directory is not None):
        return Denied(
            code="invalid",
            field="directory",
            message=_("Name a directory where a directory proves the passwords, and only then."),
        )
    if tenant.directory is not None and tenant.directory.protocol not in PROVING:
        return NO_PROOF
    if tenant.parent is None and tenant.dbid != ENVIRONMENT_DBID:
        return Denied(
            code="invalid", field="parent", message=_("Every tenant but ENVIRONMENT stands below another.")
        )
    if not tenant._state.adding and tenant.parent is not None and tenant.parent in below(tenant):
        return Denied(code="invalid", field="parent", message=_("A tenant cannot stand below itself."))
    return None


def create_tenant(draft: TenantDraft, *, by: Administrator, now: datetime) -> Tenant | Denied:
    """Make a tenant; without `parent` right below ENVIRONMENT."""
    if (refusal := _refuse(by, "add")) is not None:
        return refusal
    values = _checked(replace(TenantDraft(name="", dbid=0), **given(draft)))
    if isinstance(values, Denied):
        return values
    if values.get("parent") is None:
        values["parent"] = Tenant.objects.get(dbid=ENVIRONMENT_DBID)
    tenant = Tenant(**values)
    refusal = _malformed(tenant) or _taken(tenant) or refuse_groups(tenant.directory, by=by)
    if refusal is not None:
        return refusal
    try:
        with unit():
            tenant.save(force_insert=True)
            epoch.bump()
            _record(Event.TENANT_CREATED, tenant, by=by, now=now, dbid=tenant.dbid)
    except IntegrityError:
        return _taken(tenant) or NAME_TAKEN
    return tenant


def _taken(tenant: Tenant) -> Denied | None:
    others = Tenant.objects.exclude(pk=tenant.pk or 0)
    if others.filter(dbid=tenant.dbid).exists():
        return DBID_TAKEN
    return NAME_TAKEN if others.filter(name=tenant.name).exists() else None


def _locked(tenant: Tenant) -> Tenant | None:
    rows = Tenant.objects.select_for_update(of=("self",)).select_related("parent", "directory")
    return rows.filter(pk=tenant.pk).first()


def change_tenant(tenant: Tenant, draft: TenantDraft, *, by: Administrator, now: datetime) -> Tenant | Denied:
    """Change what is given. What decides who is let in, and by whom, ends what the tenant's persons hold."""
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _locked(tenant)
            if found is None:
                return NOT_FOUND
            if (refusal := _refuse(by, "change")) is not None:
                return refusal
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            if found.dbid == ENVIRONMENT_DBID and changed.keys() - {
                "name",
                "library",
                "directory",
                "enforce",
            }:
                return ROOT
            leads = bool(changed.keys() - HARMLESS)
            refusal = _refuse_persons(found, by=by) if leads else None
            for name, value in changed.items():
                setattr(found, name, value)
            refusal = refusal or _malformed(found) or _taken(found)
            if refusal is None and leads:
                refusal = _refuse_groups(found, by=by)
            if refusal is not None:
                return refusal
            if changed:
                found.save(update_fields=sorted(changed))
                epoch.bump()
                if leads:
                    void_tenant(found)
                _record(Event.TENANT_CHANGED, found, by=by, now=now, fields=sorted(changed))
    except IntegrityError:
        return NAME_TAKEN
    return found


def delete_tenant(tenant: Tenant, *, by: Administrator, now: datetime) -> Denied | None:
    """Delete a tenant that nothing names."""
    with unit():
        found = _locked(tenant)
        if found is None:
            return NOT_FOUND
        if (refusal := _refuse(by, "delete")) is not None:
            return refusal
        if found.dbid == ENVIRONMENT_DBID:
            return ROOT
        brings = Directory.objects.filter(people_tenant=found)
        if found.persons.exists() or found.children.exists() or found.values.exists() or brings.exists():
            return IN_USE
        _record(Event.TENANT_DELETED, found, by=by, now=now, dbid=found.dbid)
        epoch.bump()
        found.delete()
    return None


def _record(event: Event, tenant: Tenant, *, by: Administrator, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, subject=tenant, **details)

"""The verbs on companies. Each checks who asks, changes, writes down, and answers with a value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Max
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from audit.events import Event
from audit.record import record
from configserver.models import Person
from configserver.services.above import refuse_over
from configserver.services.tenant import DBID_MAXIMUM
from core import epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Company, Role
from tenants.rights import Rights
from tenants.rules import may_touch
from tenants.services.role import rights_of_role

NAME_TAKEN = Denied(code="name_taken", field="name", message=_("There is a company of this name already."))
TENANT_TAKEN = Denied(
    code="name_taken",
    field="tenant_dbid",
    message=_("Another company is linked to this tenant already."),
)
# A company would see and change the persons of whatever tenant it names.
TENANT_OUT_OF_REACH = Denied(
    code="forbidden",
    field="tenant_dbid",
    message=_("Only who sees every company may link a company to a tenant."),
)
OWN_COMPANY = Denied(
    code="own_company", message=_("You cannot disable or delete the company that you belong to.")
)


@dataclass(frozen=True, kw_only=True)
class CompanyDraft:
    """What can be given for a company; `KEEP` leaves a field as it is."""

    name: str = KEEP
    is_active: bool = KEEP
    tenant_dbid: int | None = KEEP


def _checked(draft: CompanyDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    if "name" in values:
        name = line(values["name"], field="name", longest=120)
        if isinstance(name, Denied):
            return name
        values["name"] = name
    dbid = values.get("tenant_dbid")
    if dbid is not None and not 1 <= dbid <= DBID_MAXIMUM:
        return Denied(
            code="invalid",
            field="tenant_dbid",
            message=_("Enter a whole number from 1 to %(most)s.") % {"most": DBID_MAXIMUM},
        )
    return values


def _taken(values: dict[str, Any], *, but: int = 0) -> Denied | None:
    others = Company.objects.exclude(pk=but)
    if "name" in values and others.filter(name=values["name"]).exists():
        return NAME_TAKEN
    dbid = values.get("tenant_dbid")
    return TENANT_TAKEN if dbid is not None and others.filter(tenant_dbid=dbid).exists() else None


def create_company(draft: CompanyDraft, *, by: Actor, now: datetime) -> Company | Denied:
    """Make a company; only for those who see every company."""
    if not may_touch(by.rights, "add", "company", company_id=None):
        return FORBIDDEN
    values = _checked(CompanyDraft(**({"name": ""} | given(draft))))
    if isinstance(values, Denied):
        return values
    refusal = _taken(values)
    if refusal is None and values.get("tenant_dbid") is not None:
        refusal = _refuse_link(values["tenant_dbid"], by=by)
    if refusal is not None:
        return refusal
    try:
        with unit():
            company = Company.objects.create(**values)
            epoch.bump()
            record(Event.COMPANY_CREATED, origin=by.origin, at=now, company_id=company.pk, subject=company)
    except IntegrityError:
        return _taken(values) or NAME_TAKEN
    return company


def _locked(company: Company) -> Company | None:
    return Company.objects.select_for_update().filter(pk=company.pk).first()


def _refuse_touch(company: Company, *, verb: str, by: Actor) -> Denied | None:
    if not may_touch(by.rights, "view", "company", company_id=company.pk):
        return NOT_FOUND
    if not may_touch(by.rights, verb, "company", company_id=company.pk):
        return FORBIDDEN
    return None


def _refuse_link(*dbids: int | None, by: Actor) -> Denied | None:
    """Whether this actor may say whose company the persons of these tenants get: none of them has, or would get there, more than he."""
    if not may_touch(by.rights, "change", "company", company_id=None):
        return TENANT_OUT_OF_REACH
    named = [dbid for dbid in dbids if dbid is not None]
    refusal = refuse_over(Person.objects.filter(tenant__dbid__in=named), by=by)
    return None if refusal is None else replace(refusal, field="tenant_dbid")


def _refuse_end(company: Company, *, by: Actor) -> Denied | None:
    """Whether this actor may take the company from its people: it is not his own, and none of them stands above him."""
    me = by.origin.actor
    if me is not None and company.users.filter(uid=me.uid).exists():
        return OWN_COMPANY
    highest = Role.objects.filter(users__company=company).aggregate(rank=Max("rank"))["rank"] or 0
    for loaded in company.users.exclude(loaded={}).values_list("loaded", flat=True):
        highest = max(highest, *(role["rank"] for role in loaded["roles"]), 0)
    return by.exceeded_by(Rights(rank=highest))


def change_company(
    company: Company,
    draft: CompanyDraft,
    *,
    by: Actor,
    now: datetime,
    end_sessions: Callable[[Company, bool], object],
) -> Company | Denied:
    """Change what is given. When it is switched off, `end_sessions` ends those of its people, in the same transaction.

    Linked to another tenant, it ends those of its external people alone (True): at their next sign-in another company may be theirs.

    Sessions belong to the app above, which hands their end down: `accounts.companies.change_company` is the door.
    """
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _locked(company)
            if found is None:
                return NOT_FOUND
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            refusal = _refuse_touch(found, verb="change", by=by)
            if refusal is None and changed.get("is_active") is False:
                refusal = _refuse_end(found, by=by)
            if refusal is None and "tenant_dbid" in changed:
                refusal = _refuse_link(found.tenant_dbid, changed["tenant_dbid"], by=by)
            if refusal is None:
                refusal = _taken(changed, but=found.pk)
            if refusal is not None:
                return refusal
            if not changed:
                return found
            for name, value in changed.items():
                setattr(found, name, value)
            found.save(update_fields=sorted(changed))
            epoch.bump()
            record(
                Event.COMPANY_CHANGED,
                origin=by.origin,
                at=now,
                company_id=found.pk,
                subject=found,
                fields=sorted(changed),
                active=found.is_active,
            )
            if changed.get("is_active") is False:
                end_sessions(found, False)
            elif "tenant_dbid" in changed:
                end_sessions(found, True)
    except IntegrityError:
        return NAME_TAKEN
    return found


def delete_company(company: Company, *, by: Actor, now: datetime) -> Denied | None:
    """Delete a company without people, and with it its roles and settings."""
    with unit():
        found = _locked(company)
        if found is None:
            return NOT_FOUND
        refusal = _refuse_touch(found, verb="delete", by=by) or _refuse_end(found, by=by)
        if refusal is not None:
            return refusal
        people = found.users.count()
        if people:
            return Denied(
                code="in_use",
                message=ngettext_lazy(
                    "%(count)d person belongs to this company. Move or delete this person first.",
                    "%(count)d people belong to this company. Move or delete them first.",
                    people,
                )
                % {"count": people},
            )
        roles = Role.objects.filter(company=found).prefetch_related("privileges", "permissions")
        refusal = by.exceeded_by(*(rights_of_role(role) for role in roles))
        if refusal is not None:
            return refusal
        record(Event.COMPANY_DELETED, origin=by.origin, at=now, company_id=found.pk, subject=found)
        epoch.bump()
        found.delete()
    return None

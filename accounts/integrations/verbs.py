"""The verbs on integrations. What an integration may no longer vouch for ends within a second, and in the books at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.integrations.address import checked_url
from accounts.integrations.presets import product_of
from accounts.integrations.rules import KIND, locked_integration, refuse_ceiling, refuse_touch_integration
from accounts.models import Integration, KeySource, Preset, Session
from accounts.principal import holds
from accounts.sessions import end_sessions
from accounts.vouching import LICENCE_LENGTH
from audit.events import Event
from audit.record import record
from core import entropy, epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.origins import checked_origins
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Company, Role
from tenants.rules import may_touch

LONGEST_LIFE = 1_440  # minutes
NAME_TAKEN = Denied(
    code="name_taken", field="name", message=_("The company has an integration of this name already.")
)
COMPANY_NEEDED = Denied(
    code="invalid", field="company", message=_("Choose the company whose people it vouches for.")
)
FIXED = Denied(
    code="fixed", field="company", message=_("An integration stays with its company; make another one there.")
)


@dataclass(frozen=True, kw_only=True)
class IntegrationDraft:
    """What can be given for an integration; `KEEP` leaves a field as it is, or as the product has it. The company is given once."""

    name: str = KEEP
    company: Company | None = KEEP
    preset: str = KEEP
    ceiling: Role = KEEP
    lifetime_minutes: int = KEEP
    accepts_cobrowse: bool = KEEP
    origins: Sequence[str] = KEEP
    jwks_url: str = KEEP
    is_active: bool = KEEP


def _checked(draft: IntegrationDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    for name, check in (("name", _name), ("origins", checked_origins), ("jwks_url", checked_url)):
        if name in values:
            values[name] = check(values[name])
            if isinstance(values[name], Denied):
                refused: Denied = values[name]
                return refused
    if values.get("preset", Preset.OTHER) not in Preset.values:
        return Denied(code="invalid", field="preset", message=_("Choose one of those that are offered."))
    if not 1 <= values.get("lifetime_minutes", 1) <= LONGEST_LIFE:
        return Denied(
            code="invalid", field="lifetime_minutes", message=_("Enter a whole number from 1 to 1440.")
        )
    return values


def _name(text: str) -> str | Denied:
    return line(text, field="name", longest=120)


def create_integration(draft: IntegrationDraft, *, by: Actor, now: datetime) -> Integration | Denied:
    """Make an integration of a company in reach. It has no key yet, so it vouches for nobody."""
    product = product_of(given(draft).get("preset", Preset.OTHER))
    usual = {"name": "", "company": None, "lifetime_minutes": product.lifetime_minutes}
    values = _checked(IntegrationDraft(**(usual | given(draft))))
    if isinstance(values, Denied):
        return values
    company, ceiling = values["company"], values.get("ceiling")
    if company is None or ceiling is None:
        return COMPANY_NEEDED if company is None else _needed("ceiling")
    if not may_touch(by.rights, "add", KIND, company_id=company.pk):
        return FORBIDDEN
    refusal = refuse_ceiling(ceiling, company, by=by)
    if refusal is not None:
        return refusal
    integration = Integration(**values, licence_key=entropy.words_code(LICENCE_LENGTH))
    if _is_name_taken(integration):
        return NAME_TAKEN
    try:
        with unit():
            integration.save(force_insert=True)
            _record(
                Event.INTEGRATION_CREATED,
                integration,
                by=by,
                now=now,
                ceiling=ceiling.name,
                origins=list(integration.origins),
            )
            epoch.bump()
    except IntegrityError:
        return NAME_TAKEN
    return integration


def _needed(field: str) -> Denied:
    return Denied(code="invalid", field=field, message=_("Choose a role."))


def _is_name_taken(integration: Integration) -> bool:
    same = Integration.objects.filter(company=integration.company_id, name=integration.name)
    return same.exclude(pk=integration.pk or 0).exists()


def change_integration(
    integration: Integration, draft: IntegrationDraft, *, by: Actor, now: datetime
) -> Integration | Denied:
    """Change what is given. Refused when the integration, as it was or as it would be, lets in who stands above the actor."""
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = locked_integration(integration)
            if found is None:
                return NOT_FOUND
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            refusal = refuse_touch_integration(found, verb="change", by=by)
            if refusal is None and "company" in changed:
                refusal = FIXED
            if refusal is None and "ceiling" in changed:
                refusal = refuse_ceiling(changed["ceiling"], found.company, by=by)
            if refusal is not None:
                return refusal
            for name, value in changed.items():
                setattr(found, name, value)
            if "name" in changed and _is_name_taken(found):
                return NAME_TAKEN
            if changed:
                _apply(found, changed, by=by, now=now)
    except IntegrityError:
        return NAME_TAKEN
    return found


def _apply(integration: Integration, changed: dict[str, Any], *, by: Actor, now: datetime) -> None:
    if "jwks_url" in changed:
        # What the old address gave is trusted for the sake of that address alone.
        read = integration.keys.filter(source=KeySource.READ)
        end_all_of(integration, by=by, now=now, reason="key_removed", integration_key__in=read)
        read.delete()
        integration.jwks_read_at, integration.jwks_trouble = None, ""
        integration.jwks_wanted = bool(integration.jwks_url)
    integration.save()
    details: dict[str, Any] = {"fields": sorted(changed)}
    if "ceiling" in changed:
        details["ceiling"] = integration.ceiling.name
    _record(Event.INTEGRATION_CHANGED, integration, by=by, now=now, **details)
    epoch.bump()
    if changed.get("is_active") is False:
        end_all_of(integration, by=by, now=now, reason="integration_off")
    elif "ceiling" in changed:
        above = [one for one in live_sessions_of(integration, now=now) if not holds(one)]
        end_sessions(above, reason="above_ceiling", origin=by.origin, now=now)


def live_sessions_of(integration: Integration, *, now: datetime) -> QuerySet[Session]:
    """The sessions that it vouched for and that hold."""
    rows = Session.objects.filter(Session.live(now=now), integration=integration)
    return rows.select_related("user__company", "integration")


def end_all_of(integration: Integration, *, by: Actor, now: datetime, reason: str, **which: Any) -> int:
    """Inside a unit: end what it vouched for; how many sessions."""
    return end_sessions(
        live_sessions_of(integration, now=now).filter(**which), reason=reason, origin=by.origin, now=now
    )


def delete_integration(integration: Integration, *, by: Actor, now: datetime) -> Denied | None:
    """Delete an integration with its keys. Whom it made stays; whom it signed in is signed out."""
    with unit():
        found = locked_integration(integration)
        if found is None:
            return NOT_FOUND
        refusal = refuse_touch_integration(found, verb="delete", by=by)
        if refusal is not None:
            return refusal
        end_all_of(found, by=by, now=now, reason="integration_off")
        _record(Event.INTEGRATION_DELETED, found, by=by, now=now)
        epoch.bump()
        found.delete()
    return None


def _record(event: Event, integration: Integration, *, by: Actor, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, company_id=integration.company_id, subject=integration, **details)

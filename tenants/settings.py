"""Runtime settings as kept: revisions with who and why, read as a snapshot, rolled back by a new revision."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import Origin, record
from configserver import where
from core import epoch
from core.db import unit
from core.options import Option, Snapshot, Value, declared, pins, resolve, told
from core.outcomes import FORBIDDEN, Denied
from core.sealed import seal, unseal
from tenants.actor import Actor
from tenants.models import Company, SettingSecret, SettingsRevision
from tenants.rules import may_touch

NOTHING_CHANGED = Denied(
    code="nothing_changed", message=_("Nothing was changed: these are the values already in force.")
)
SECRET_AGAIN = Denied(
    code="secret_needed",
    message=_("Enter the password as well: whoever changes where it is sent has to know it."),
)
CONFLICT = Denied(
    code="conflict",
    message=_("Somebody else changed the settings at the same moment. Look at them and try again."),
)


Check = Callable[[Value, Actor], Denied | None]
_checks: dict[str, Check] = {}


def check_with(option: Option, check: Check) -> None:
    """Have every new value of this setting looked at before it is put in force: what its form alone does not say of it."""
    _checks[option.name] = check


@lru_cache(maxsize=1)
def pinned() -> Mapping[str, Value]:
    """What the environment pins, read once a process."""
    return pins(settings.PINNED_OPTIONS)


def _newest(company_id: int | None) -> tuple[int, dict[str, Value]]:
    revisions = SettingsRevision.objects.filter(company=company_id).order_by("-number")
    number, values = revisions.values_list("number", "values").first() or (0, {})
    return number, dict(values)


def active(company_id: int | None) -> dict[str, Value]:
    """The values of the newest revision: global, or of one company."""
    return _newest(company_id)[1]


def of_tenant(company_id: int | None) -> dict[str, Value]:
    """What the tenant that is linked to this company says about passwords; it stands above the global values."""
    if company_id is None:
        return {}
    linked = Company.objects.filter(pk=company_id).values_list("tenant_dbid", flat=True).first()
    return where.server().rules_above(linked)


def _load(company_id: int | None) -> Snapshot:
    company = active(company_id) if company_id is not None else None
    between = of_tenant(company_id)
    return resolve(revised=active(None), between=between, company=company, pinned=pinned())


_everywhere = epoch.Cached[str, Snapshot](lambda _one: _load(None))
# What tenants say is kept in the Configuration Server, which has a version of its own where it is a remote one.
_of_companies = epoch.Cached[int, Snapshot](_load, version=where.version)


def snapshot(company_id: int | None) -> Snapshot:
    """The settings in force for this company, or (None) for people of no company."""
    return _everywhere("") if company_id is None else _of_companies(company_id)


def _checked(given: Mapping[str, object], *, company: Company | None) -> dict[str, Value | None] | Denied:
    known = declared()
    changes: dict[str, Value | None] = {}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            return Denied(code="unknown_setting", field=name, message=_("There is no setting of this name."))
        if company is not None and not option.company:
            return Denied(
                code="global_only", field=name, message=_("This setting is the same for every company.")
            )
        if name in pinned():
            return Denied(
                code="pinned",
                field=name,
                message=_("This setting is pinned by the environment (%(name)s) and cannot be changed here.")
                % {"name": option.environment_name},
            )
        if value is None:
            changes[name] = None
            continue
        parsed = option.parse(value)
        if isinstance(parsed, Denied):
            return parsed
        changes[name] = None if option.secret and not parsed else parsed
    return changes


def _sealed(changes: Mapping[str, Value | None]) -> dict[str, Value | None]:
    """Inside a unit: the same, with the id of a sealed row in the place of each secret."""
    found = dict(changes)
    for name, value in changes.items():
        if value and declared()[name].secret:
            row = SettingSecret()
            row.value = seal(row, "value", str(value).encode())
            row.save()
            found[name] = str(row.uid)
    return found


def _refuse_leading(changes: Mapping[str, Value | None], *, before: Mapping[str, Value]) -> Denied | None:
    """Whoever says where a secret is sent could have it sent to himself, so he has to know it."""
    for name, value in changes.items():
        secret = declared()[name].leads
        kept = secret and (before.get(secret) or pinned().get(secret))
        if kept and value and value != before.get(name) and not changes.get(secret):
            return replace(SECRET_AGAIN, field=secret)
    return None


def secret_of(option: Option, settings: Snapshot) -> str:
    """The secret that these settings hold for this option, in clear; empty where there is none."""
    value = settings.text(option)
    if not value or option.name in settings.pinned:
        return value
    return unseal(SettingSecret.objects.get(uid=value), "value").decode()


def _refuse_actor(by: Actor, company_id: int | None) -> Denied | None:
    return None if may_touch(by.rights, "change", "setting", company_id=company_id) else FORBIDDEN


def _refuse_reason(reason: str) -> Denied | None:
    if reason.strip() and len(reason) <= 300:
        return None
    return Denied(
        code="reason_needed",
        field="reason",
        message=_("Say in a few words why you change this (at most 300 characters)."),
    )


def change_settings(
    given: Mapping[str, object], *, company: Company | None, reason: str, by: Actor, now: datetime
) -> SettingsRevision | Denied:
    """Make a new revision with these values (None: back to what stands above) and say who changed what and why."""
    refusal = _refuse_actor(by, company.pk if company else None) or _refuse_reason(reason)
    if refusal is not None:
        return refusal
    changes = _checked(given, company=company)
    if isinstance(changes, Denied):
        return changes

    def changed(before: dict[str, Value]) -> dict[str, Value] | Denied:
        if (refused := _refuse_leading(changes, before=before)) is not None:
            return refused
        return {name: value for name, value in (before | _sealed(changes)).items() if value is not None}

    return _put_in_force(changed, company=company, reason=reason.strip(), by=by, now=now)


def roll_back(
    revision: SettingsRevision, *, reason: str, by: Actor, now: datetime
) -> SettingsRevision | Denied:
    """Put the values of an older revision in force again, as a new revision."""
    words = reason.strip() or f"roll back to revision {revision.number}"
    refusal = _refuse_actor(by, revision.company_id) or _refuse_reason(words)
    if refusal is not None:
        return refusal
    kept = {name: value for name, value in dict(revision.values).items() if name in declared()}
    return _put_in_force(lambda _before: kept, company=revision.company, reason=words, by=by, now=now)


def _put_in_force(
    after_of: Callable[[dict[str, Value]], dict[str, Value] | Denied],
    *,
    company: Company | None,
    reason: str,
    by: Actor,
    now: datetime,
) -> SettingsRevision | Denied:
    """Make what `after_of` makes of the values in force the newest revision, unless it is them or another one came first."""
    try:
        with unit():
            number, before = _newest(company.pk if company else None)
            after = after_of(before)
            if isinstance(after, Denied):
                return after
            if after == before:
                return NOTHING_CHANGED
            for name in sorted(_checks):
                value = after.get(name, declared()[name].default)
                refused = (
                    _checks[name](value, by) if value != before.get(name, declared()[name].default) else None
                )
                if refused is not None:
                    return replace(refused, field=refused.field or name)
            return _revise(
                after,
                before=before,
                number=number + 1,
                company=company,
                reason=reason,
                origin=by.origin,
                now=now,
            )
    except IntegrityError:
        # Two at once read the same newest revision; the number read with it tells the second that it would undo the first.
        return CONFLICT


def _revise(
    after: dict[str, Value],
    *,
    before: dict[str, Value],
    number: int,
    company: Company | None,
    reason: str,
    origin: Origin,
    now: datetime,
) -> SettingsRevision:
    actor = origin.actor
    revision = SettingsRevision.objects.create(
        company=company,
        number=number,
        values=after,
        reason=reason,
        author_uid=str(actor.uid) if actor else "",
        author_name=_named(origin)[:254],
        at=now,
    )
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    epoch.bump()
    record(
        Event.SETTINGS_CHANGED,
        origin=origin,
        at=now,
        company_id=company.pk if company else None,
        subject=revision,
        reason=reason,
        changes=[
            f"{name}: {told(name, before.get(name, '–'))} → {told(name, after.get(name, '–'))}"
            for name in changed
        ],
    )
    return revision


def _named(origin: Origin) -> str:
    actor = "" if origin.actor is None else str(origin.actor)
    return actor if origin.impersonator is None else f"{origin.impersonator} as {actor}"


def sources(company_id: int | None) -> dict[str, str]:
    """Where each value in force comes from: environment, company, tenant, global or default."""
    everywhere, company = active(None), active(company_id) if company_id is not None else {}
    tenant = of_tenant(company_id)
    found = {}
    for name, option in declared().items():
        above = everywhere.get(name, option.default)
        if name in pinned():
            found[name] = "environment"
        elif option.company and name in company and option.outdoes(company[name], above=above):
            found[name] = "company"
        elif name in tenant:
            found[name] = "tenant"
        else:
            found[name] = "global" if name in everywhere else "default"
    return found

"""The verbs on applications and their options. Every change holds within a second, and the two tokens are compared anew with it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from cobrowse.catalogue import ORIGINS, TOKEN_OF, Kind, kind_of
from cobrowse.models import AllowedOrigin, Application, ApplicationType, Option
from cobrowse.models.applications import NAME_LENGTH
from cobrowse.tokens import application_of, drawn_token
from cobrowse.validity import compare
from core import entropy, epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied
from core.sealed import NOTHING, seal
from tenants.actor import Actor
from tenants.models import Company
from tenants.models import Kind as ObjectKind
from tenants.rules import may_touch

KIND = ObjectKind.APPLICATION.value
SITE_KEY_LENGTH = 26
TYPE_TAKEN = Denied(
    code="name_taken", field="type", message=_("The company has an application of this type already.")
)
COMPANY_NEEDED = Denied(code="invalid", field="company", message=_("Choose the company that it belongs to."))
TYPE_NEEDED = Denied(
    code="invalid", field="type", message=_("Choose Co-browse Cluster or Workspace Desktop Edition.")
)
FIXED = _("An application stays what it is and with its company; make another one.")
NO_SUCH_OPTION = Denied(
    code="not_found", message=_("An application of this type has no option of this name.")
)
CONFLICT = Denied(
    code="conflict", message=_("Somebody else changed this at the same moment. Look at it and try again.")
)
ORIGIN_TAKEN = _("%(origin)s is a site of another company here. A site belongs to one company.")


@dataclass(frozen=True, kw_only=True)
class ApplicationDraft:
    """What can be given for an application; company and type are given once."""

    name: str = KEEP
    company: Company | None = KEEP
    type: str = KEEP


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token that was just generated, which is shown this once, and the applications that have it now."""

    token: str
    applications: tuple[Application, ...]


def create_application(draft: ApplicationDraft, *, by: Actor, now: datetime) -> Application | Denied:
    """Make an application of a company in reach. No option is set, so authentication is off."""
    values = {"name": "", "company": None, "type": ""} | given(draft)
    if values["type"] not in ApplicationType.values:
        return TYPE_NEEDED
    if values["company"] is None:
        return COMPANY_NEEDED
    if not may_touch(by.rights, "add", KIND, company_id=values["company"].pk):
        return FORBIDDEN
    values["name"] = line(values["name"], field="name", longest=NAME_LENGTH)
    if isinstance(values["name"], Denied):
        return values["name"]
    if application_of(values["company"].pk, values["type"]) is not None:
        return TYPE_TAKEN
    application = Application(**values, site_key=entropy.words_code(SITE_KEY_LENGTH))
    try:
        with unit():
            application.save(force_insert=True)
            _record(Event.APPLICATION_CREATED, application, by=by, now=now, type=application.type)
            compare(application.company_id, origin=by.origin, now=now)
            epoch.bump()
    except IntegrityError:
        return TYPE_TAKEN
    application.refresh_from_db()
    return application


def change_application(
    application: Application,
    draft: ApplicationDraft,
    options: Mapping[str, str] | None = None,
    *,
    by: Actor,
    now: datetime,
) -> Application | Denied:
    """Give it another name and set options by their paths: all of it, or nothing.

    An empty value takes an option away. What was there before, if it is a secret, is replaced and never shown.
    """
    values, checked = _checked_draft(draft), _checked_options(application.type, options or {})
    if isinstance(values, Denied):
        return values
    if isinstance(checked, Denied):
        return checked
    sites = checked.get(ORIGINS, "").splitlines()
    try:
        with unit():
            found = _held(application, verb="change", by=by)
            if isinstance(found, Denied):
                return found
            # Before anything is written: what is returned from here on is kept.
            if (refused := _refuse_fixed(found, values) or _refuse_sites(found, sites)) is not None:
                return refused
            if values.get("name", found.name) != found.name:
                found.name = values["name"]
                found.save(update_fields=["name"])
                _record(Event.APPLICATION_CHANGED, found, by=by, now=now, fields=["name"])
            changed = [kind for kind, value in checked.items() if _put(found, kind, value, by=by, now=now)]
            if any(kind.is_secret for kind in changed):
                compare(found.company_id, origin=by.origin, now=now)
            if changed:
                epoch.bump()
    except IntegrityError:
        # Two companies listed the same site at one moment.
        return _refuse_sites(application, sites) or CONFLICT
    found.refresh_from_db()
    return found


def set_options(
    application: Application, values: Mapping[str, str], *, by: Actor, now: datetime
) -> Application | Denied:
    """Set several options by their paths, all or none of them; an empty value takes one away."""
    return change_application(application, ApplicationDraft(), values, by=by, now=now)


def _checked_draft(draft: ApplicationDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    if "name" in values:
        values["name"] = line(values["name"], field="name", longest=NAME_LENGTH)
        if isinstance(values["name"], Denied):
            refused: Denied = values["name"]
            return refused
    return values


def _checked_options(application_type: str, values: Mapping[str, str]) -> dict[Kind, str] | Denied:
    checked: dict[Kind, str] = {}
    for path, value in values.items():
        section, _slash, name = path.partition("/")
        kind = kind_of(application_type, section, name)
        if kind is None:
            return NO_SUCH_OPTION
        outcome = kind.check(value) if value.strip() else ""
        if isinstance(outcome, Denied):
            return replace(outcome, field=kind.field)
        checked[kind] = outcome
    return checked


def _refuse_fixed(application: Application, values: Mapping[str, Any]) -> Denied | None:
    for name in ("company", "type"):
        if values.get(name, KEEP) not in {KEEP, getattr(application, name)}:
            return Denied(code="fixed", field=name, message=FIXED)
    return None


def _refuse_sites(application: Application, sites: list[str]) -> Denied | None:
    others = AllowedOrigin.objects.filter(origin__in=sites).exclude(application=application)
    taken = others.values_list("origin", flat=True).first() if sites else None
    if taken is None:
        return None
    return Denied(code="origin_taken", field=ORIGINS.field, message=ORIGIN_TAKEN % {"origin": taken})


def delete_application(application: Application, *, by: Actor, now: datetime) -> Denied | None:
    """Delete an application with its options. Without a cluster nobody can start a session any more."""
    with unit():
        found = _held(application, verb="delete", by=by)
        if isinstance(found, Denied):
            return found
        _record(Event.APPLICATION_DELETED, found, by=by, now=now, type=found.type)
        company_id = found.company_id
        found.delete()
        compare(company_id, origin=by.origin, now=now)
        epoch.bump()
    return None


def generate_token(application: Application, *, both: bool, by: Actor, now: datetime) -> NewToken | Denied:
    """Put a new token into the application, and with `both` into the other one of its company; shown once, kept sealed."""
    token = drawn_token()
    with unit():
        found = _held(application, verb="change", by=by)
        if isinstance(found, Denied):
            return found
        same = Application.objects.filter(company=found.company_id).order_by("pk")
        applications = tuple(same) if both else (found,)
        for one in applications:
            _put(one, TOKEN_OF[one.type], token, by=by, now=now)
        compare(found.company_id, origin=by.origin, now=now)
        epoch.bump()
    return NewToken(token=token, applications=applications)


def _held(application: Application, *, verb: str, by: Actor) -> Application | Denied:
    """Inside a unit: the row as it is now, for somebody who may touch it; held to the end with the other one of its company, for the
    two are compared at the end of every change."""
    rows = Application.objects.select_for_update(of=("self",)).select_related("company").order_by("pk")
    both = rows.filter(company=application.company_id)
    found = next((one for one in both if one.pk == application.pk), None)
    if found is None or not may_touch(by.rights, "view", KIND, company_id=found.company_id):
        return NOT_FOUND
    return found if may_touch(by.rights, verb, KIND, company_id=found.company_id) else FORBIDDEN


def _put(application: Application, kind: Kind, value: str, *, by: Actor, now: datetime) -> bool:
    """Inside a unit: write one checked value, unless it is there already; whether it was written."""
    row = application.held().get(kind.path) or Option(
        application=application, section=kind.section, name=kind.name
    )
    # A secret that is set again is written again, for nobody is told whether it was the same.
    if (value == row.value and not kind.is_secret) or not (value or row.is_set):
        return False
    row.changed_at, row.changed_by_name = now, str(by.origin.actor or "")[:254]
    if kind.is_secret:
        row.secret = seal(row, "secret", value.encode()) if value else NOTHING
    else:
        row.value = value
    row.save()
    if kind is ORIGINS:
        _list(application, value.splitlines())
    details: dict[str, Any] = {"option": kind.path, "is_set": bool(value)}
    if not kind.is_secret:
        details["value"] = value.splitlines() if kind.is_list else value
    _record(Event.OPTION_CHANGED, application, by=by, now=now, **details)
    return True


def _list(application: Application, origins: list[str]) -> None:
    """Inside a unit: make these the sites of the company."""
    held = set(application.allowed_origins.values_list("origin", flat=True))
    application.allowed_origins.exclude(origin__in=origins).delete()
    # In one order for everybody: two companies that list the same sites at once wait for each other, and never in a circle.
    AllowedOrigin.objects.bulk_create(
        AllowedOrigin(application=application, origin=origin) for origin in sorted(set(origins) - held)
    )


def _record(event: Event, application: Application, *, by: Actor, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, company_id=application.company_id, subject=application, **details)

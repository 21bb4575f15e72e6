"""The verbs on clients. What a client may no longer do ends within a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from core import entropy
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied
from oidc.credentials import SECRET, fingerprint_of
from oidc.ending import end_all_of
from oidc.models import Algorithm, Client
from oidc.protocol import SCOPES, is_redirect_uri
from tenants.actor import Actor
from tenants.models import Company, Kind
from tenants.rules import may_touch

KIND = Kind.INTEGRATION.value
MOST_URIS = 20
ADDRESS = _(
    "%(address)s is no address such as https://app.example.com/callback: with https (http on the machine itself only), without * and #."
)
NAME_TAKEN = Denied(
    code="name_taken", field="name", message=_("There is a connected application of this name already.")
)
FIXED = Denied(
    code="fixed",
    field="company",
    message=_("A connected application stays what it is, and with its company; make another one."),
)
NO_SECRET = Denied(code="nothing_changed", message=_("A public client has no secret."))


@dataclass(frozen=True, kw_only=True)
class ClientDraft:
    """What can be given for a client; `KEEP` leaves a field as it is. Company and sort are given once."""

    name: str = KEEP
    company: Company | None = KEEP
    is_public: bool = KEEP
    redirect_uris: Sequence[str] = KEEP
    logout_uris: Sequence[str] = KEEP
    backchannel_uri: str = KEEP
    scopes: Sequence[str] = KEEP
    algorithm: str = KEEP
    asks_consent: bool = KEEP
    needs_factor: bool = KEEP
    is_active: bool = KEEP


def _checked(draft: ClientDraft, *, is_public: bool) -> dict[str, Any] | Denied:
    values = given(draft)
    if "name" in values:
        name = line(values["name"], field="name", longest=120)
        if isinstance(name, Denied):
            return name
        values["name"] = name
    for field in ("redirect_uris", "logout_uris"):
        if field in values:
            uris = _addresses(values[field], field=field, is_public=is_public)
            if isinstance(uris, Denied):
                return uris
            values[field] = uris
    if "redirect_uris" in values and not values["redirect_uris"]:
        return Denied(code="invalid", field="redirect_uris", message=_("Name one address at least."))
    told = values.get("backchannel_uri", "").strip()
    if told and (not is_redirect_uri(told, is_public=False)):
        return _no_address(told, field="backchannel_uri")
    if "backchannel_uri" in values:
        values["backchannel_uri"] = told
    if set(values.get("scopes", ())) - set(SCOPES):
        sentence = _("There are these scopes: %(scopes)s.") % {"scopes": " ".join(SCOPES)}
        return Denied(code="invalid", field="scopes", message=sentence)
    if "scopes" in values:
        values["scopes"] = [one for one in SCOPES if one in {"openid", *values["scopes"]}]
    if values.get("algorithm", Algorithm.RS256) not in Algorithm.values:
        return Denied(code="invalid", field="algorithm", message=_("Choose one of those that are offered."))
    return values


def _addresses(uris: Sequence[str], *, field: str, is_public: bool) -> list[str] | Denied:
    found = list(dict.fromkeys(one.strip() for one in uris if one.strip()))
    if len(found) > MOST_URIS:
        sentence = _("Name at most %(most)s addresses.") % {"most": MOST_URIS}
        return Denied(code="invalid", field=field, message=sentence)
    wrong = next((one for one in found if not is_redirect_uri(one, is_public=is_public)), None)
    return found if wrong is None else _no_address(wrong, field=field)


def _no_address(text: str, *, field: str) -> Denied:
    return Denied(code="invalid", field=field, message=ADDRESS % {"address": text[:80]})


def refuse_touch(client: Client, *, verb: str, by: Actor) -> Denied | None:
    """Why this actor may not touch this client."""
    if not may_touch(by.rights, "view", KIND, company_id=client.company_id):
        return NOT_FOUND
    return None if may_touch(by.rights, verb, KIND, company_id=client.company_id) else FORBIDDEN


def create_client(draft: ClientDraft, *, by: Actor, now: datetime) -> Client | Denied:
    """Make a client; one for the people of every company only by who sees every company. It has no secret yet."""
    usual = {"name": "", "company": None, "redirect_uris": (), "scopes": ("profile", "email")}
    known = given(draft)
    values = _checked(ClientDraft(**(usual | known)), is_public=bool(known.get("is_public")))
    if isinstance(values, Denied):
        return values
    client = Client(**values)
    if not may_touch(by.rights, "add", KIND, company_id=client.company_id):
        return FORBIDDEN
    if _is_name_taken(client):
        return NAME_TAKEN
    try:
        with unit():
            client.save(force_insert=True)
            _record(
                Event.CLIENT_CREATED, client, by=by, now=now, scopes=client.scopes, uris=client.redirect_uris
            )
    except IntegrityError:
        return NAME_TAKEN
    return client


def _is_name_taken(client: Client) -> bool:
    same = Client.objects.filter(company=client.company_id, name=client.name)
    return same.exclude(pk=client.pk or 0).exists()


def _held(client: Client) -> Client | None:
    rows = Client.objects.select_for_update(of=("self",)).select_related("company")
    return rows.filter(pk=client.pk).first()


def change_client(client: Client, draft: ClientDraft, *, by: Actor, now: datetime) -> Client | Denied:
    """Change what is given. Its sessions end where it was switched off or made stricter, may know less, or is for fewer addresses."""
    values = _checked(draft, is_public=client.is_public)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _held(client)
            if found is None:
                return NOT_FOUND
            if (refusal := refuse_touch(found, verb="change", by=by)) is not None:
                return refusal
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            if {"company", "is_public"} & changed.keys():
                return FIXED
            less = set(found.scopes) - set(changed.get("scopes", found.scopes)) or (
                set(found.redirect_uris) - set(changed.get("redirect_uris", found.redirect_uris))
            )
            for name, value in changed.items():
                setattr(found, name, value)
            if "name" in changed and _is_name_taken(found):
                return NAME_TAKEN
            if changed:
                found.save()
                _record(Event.CLIENT_CHANGED, found, by=by, now=now, fields=sorted(changed))
            stricter = any(changed.get(name) for name in ("needs_factor", "asks_consent"))
            if changed.get("is_active") is False or stricter or less:
                end_all_of(found, reason="changed", origin=by.origin, now=now)
    except IntegrityError:
        return NAME_TAKEN
    return found


@dataclass(frozen=True, kw_only=True)
class NewSecret:
    """A secret, to be shown once."""

    client: Client
    secret: str


def make_secret(client: Client, *, by: Actor, now: datetime) -> NewSecret | Denied:
    """A new secret in the place of the one there is, which is worth nothing from now on. It is kept as a fingerprint."""
    secret = entropy.token(SECRET)
    with unit():
        found = _held(client)
        if found is None:
            return NOT_FOUND
        if (refusal := refuse_touch(found, verb="change", by=by)) is not None:
            return refusal
        if found.is_public:
            return NO_SECRET
        found.secret, found.secret_made_at = fingerprint_of(secret), now
        found.save(update_fields=["secret", "secret_made_at"])
        _record(Event.CLIENT_SECRET_MADE, found, by=by, now=now)
    return NewSecret(client=found, secret=secret)


def delete_client(client: Client, *, by: Actor, now: datetime) -> Denied | None:
    """Delete a client with what people let it know; its sessions end."""
    with unit():
        found = _held(client)
        if found is None:
            return NOT_FOUND
        if (refusal := refuse_touch(found, verb="delete", by=by)) is not None:
            return refusal
        end_all_of(found, reason="client_gone", origin=by.origin, now=now)
        _record(Event.CLIENT_DELETED, found, by=by, now=now)
        found.delete()
    return None


def _record(event: Event, client: Client, *, by: Actor, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, company_id=client.company_id, subject=client, **details)

"""The verbs on the keys of an integration. Of a pair that is generated, the private half is in the answer and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.integrations.rules import locked_integration, refuse_touch_integration
from accounts.models import Integration, IntegrationKey, KeySource, Session
from accounts.sessions import end_sessions
from accounts.tokens.foreign_keys import MADE, MOST_KEYS, TOO_MANY, PublicKey, new_pair, public_keys
from accounts.tokens.jose import thumbprint
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.db import unit
from core.draft import NOT_FOUND
from core.outcomes import Denied
from tenants.actor import Actor

KEY_EXISTS = Denied(
    code="key_exists",
    field="keys",
    message=_("The integration has this key, or another one of this id, already."),
)
READ_AGAIN = Denied(
    code="kept_elsewhere",
    message=_(
        "This key is read from an address and would be read again. Take it from there, or take the address from the integration."
    ),
)
UNKNOWN_ALGORITHM = Denied(
    code="invalid", field="algorithm", message=_("Choose one of those that are offered.")
)


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key that was just generated, with the private half of its pair, which is shown once."""

    key: IntegrationKey
    private_pem: str

    def __repr__(self) -> str:
        return f"NewKey({self.key})"


def add_keys(
    integration: Integration, text: str, *, kid: str = "", by: Actor, now: datetime
) -> list[IntegrationKey] | Denied:
    """Trust the public keys in what was put in: PEM, a JWK or a JWKS, all or none of them."""
    found = public_keys(text, kid=kid)
    if isinstance(found, Denied):
        return found
    return _add(integration, found, source=KeySource.PASTED, by=by, now=now)


def generate_key(integration: Integration, algorithm: str, *, by: Actor, now: datetime) -> NewKey | Denied:
    """Make a pair and trust its public half. Never inside a unit: it takes a noticeable part of a second."""
    if algorithm not in MADE:
        return UNKNOWN_ALGORITHM
    # Asked first, so that nobody who may not makes the machine work.
    refusal = refuse_touch_integration(integration, verb="change", by=by)
    if refusal is not None:
        return refusal
    pair = new_pair(algorithm)
    added = _add(integration, [pair.public], source=KeySource.GENERATED, by=by, now=now)
    return added if isinstance(added, Denied) else NewKey(key=added[0], private_pem=pair.private_pem)


def _add(
    integration: Integration, keys: Sequence[PublicKey], *, source: KeySource, by: Actor, now: datetime
) -> list[IntegrationKey] | Denied:
    try:
        with unit():
            found = locked_integration(integration)
            if found is None:
                return NOT_FOUND
            refusal = refuse_touch_integration(found, verb="change", by=by)
            refusal = refusal or _refuse_more(found, keys)
            if refusal is not None:
                return refusal
            return [trust(found, key, source=source, origin=by.origin, now=now) for key in keys]
    except IntegrityError:
        return KEY_EXISTS


def _refuse_more(integration: Integration, keys: Sequence[PublicKey]) -> Denied | None:
    held = list(integration.keys.all())
    names = {one.kid for one in held} & {one.kid for one in keys}
    prints = {thumbprint(one.public) for one in held} & {one.thumbprint for one in keys}
    if names or prints:
        return KEY_EXISTS
    return TOO_MANY if len(held) + len(keys) > MOST_KEYS else None


def trust(
    integration: Integration, key: PublicKey, *, source: KeySource, origin: Origin, now: datetime
) -> IntegrationKey:
    """Inside a unit: trust this key from now on, without asking who asks."""
    row = IntegrationKey.objects.create(
        integration=integration,
        kid=key.kid,
        algorithm=key.algorithm,
        public=dict(key.jwk),
        source=source,
        created_at=now,
    )
    _record(Event.INTEGRATION_KEY_ADDED, row, origin=origin, now=now, source=str(source))
    epoch.bump()
    return row


def remove_key(key: IntegrationKey, *, by: Actor, now: datetime) -> Denied | None:
    """Trust the key no longer: its tokens are refused and the sessions that they began end, within a second."""
    with unit():
        integration = locked_integration(key.integration)
        held = integration.keys.filter(pk=key.pk).first() if integration is not None else None
        if integration is None or held is None:
            return NOT_FOUND
        refusal = refuse_touch_integration(integration, verb="change", by=by)
        if refusal is None and held.source == KeySource.READ and integration.jwks_url:
            refusal = READ_AGAIN
        if refusal is not None:
            return refusal
        distrust(held, origin=by.origin, now=now)
    return None


def distrust(key: IntegrationKey, *, origin: Origin, now: datetime) -> None:
    """Inside a unit: trust the key no longer, without asking who asks."""
    sessions = Session.objects.filter(Session.live(now=now), integration_key=key)
    end_sessions(sessions.select_related("user"), reason="key_removed", origin=origin, now=now)
    _record(Event.INTEGRATION_KEY_REMOVED, key, origin=origin, now=now, source=key.source)
    epoch.bump()
    key.delete()


def _record(event: Event, key: IntegrationKey, *, origin: Origin, now: datetime, source: str) -> None:
    # The subject is the integration, so that its history tells of its keys.
    record(
        event,
        origin=origin,
        at=now,
        company_id=key.integration.company_id,
        subject=key.integration,
        kid=key.kid,
        algorithm=key.algorithm,
        source=source,
    )

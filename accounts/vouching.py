"""Who an integration vouches for: its token checked, the person found or made, and never one above its ceiling or of another company."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.arriving import make_newcomer
from accounts.grants import refuse_above, rights_under, role_of_claim
from accounts.models import Arrival, Integration, IntegrationKey, SpentToken, User
from accounts.names import Realm
from accounts.principal import rights_of, roles_of
from accounts.sessions import SEEN_EVERY, Vouched
from accounts.tokens import foreign
from accounts.tokens.foreign import ROLES, Assertion, Flawed, Trusted
from accounts.tokens.foreign_keys import key_object
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.buckets import Buckets
from core.contacts import key_of
from core.db import unit
from core.entropy import UNMISTAKABLE
from tenants.models import Role
from tenants.rules import rights_from

# What a session is proved by that goes back to a token. RFC 8176 has no value for what another system says; this one is in use for it,
# and is no second factor.
METHOD = "fed"
COBROWSE = "https://cobrowse.io"
LICENCE_LENGTH = 20  # characters of five bits: no secret, but nobody comes upon another one's
WANTED_EVERY = timedelta(minutes=1)
_OF_LICENCE = frozenset(UNMISTAKABLE)

NO_INTEGRATION = Flawed(
    code="invalid_token", message=_("`iss` has to be the licence key of an integration."), flaw="iss"
)
SWITCHED_OFF = Flawed(
    code="invalid_token", message=_("This integration is switched off."), flaw="switched-off"
)
OUTDATED = Flawed(
    code="invalid_token", message=_("This token is too old for this portal. Sign a new one."), flaw="outdated"
)
# One answer for whoever may not come this way: it does not tell who has an account elsewhere, or what somebody may do.
NOT_LET_IN = _("The integration cannot sign this person in.")
ELSEWHERE = Flawed(code="invalid_token", message=NOT_LET_IN, flaw="person-elsewhere")
ABOVE = Flawed(code="invalid_token", message=NOT_LET_IN, flaw="person-above")
SHUT = Flawed(code="invalid_token", message=NOT_LET_IN, flaw="person-locked-or-disabled")
SPENT = Flawed(code="invalid_token", message=_("This token was used already. Each works once."), flaw="spent")


@dataclass(frozen=True, kw_only=True)
class Known:
    """An integration as it is held in memory: with its keys, made ready to check with."""

    integration: Integration
    keys: dict[str, IntegrationKey]
    trusted: Sequence[Trusted]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A token that holds, and whose it is."""

    known: Known
    key: IntegrationKey
    assertion: Assertion

    @property
    def integration(self) -> Integration:
        """Who vouches."""
        return self.known.integration

    @property
    def vouched(self) -> Vouched:
        """What the session that begins with it is told of it."""
        return Vouched(key=self.key, grant=dict(self.assertion.grant), until=self.assertion.until)


def _load(licence_key: str) -> Known | None:
    integration = Integration.objects.select_related("company").filter(licence_key=licence_key).first()
    if integration is None:
        return None
    keys = {key.kid: key for key in integration.keys.all()}
    for key in keys.values():
        key.integration = integration
    trusted = [
        Trusted(kid=key.kid, algorithm=key.algorithm, key=key_object(key.public)) for key in keys.values()
    ]
    return Known(integration=integration, keys=keys, trusted=trusted)


_known = epoch.Cached[str, Known | None](_load, limit=1_000)


def known_integration(licence_key: str) -> Known | None:
    """The integration with this licence key, as of the last second; no statement once it is known."""
    # Whatever is no licence key is not looked up: a made-up token costs nothing.
    if len(licence_key) != LICENCE_LENGTH or not _OF_LICENCE.issuperset(licence_key):
        return None
    return _known(licence_key)


# --- the token -----------------------------------------------------------------------------------------------------------


def verified(token: str, *, address: str, now: datetime) -> Verified | Flawed:
    """The token, if it holds. A refusal is written down, the token is not. Never inside a unit."""
    parts = foreign.unverified(token)
    if isinstance(parts, Flawed):
        return parts
    known = known_integration(parts.issuer)
    if known is None:
        return NO_INTEGRATION
    found = _checked(parts, known, now=now)
    if isinstance(found, Flawed):
        note_refusal(known.integration, found, address=address, now=now)
        if found is foreign.UNKNOWN_KEY:
            _want_keys(known.integration, now=now)
    return found


def _want_keys(integration: Integration, *, now: datetime) -> None:
    """Have the worker read the keys again, which may be new ones: at most once a minute, for anybody can name a key."""
    tried = integration.jwks_tried_at
    if integration.jwks_wanted or (tried is not None and now - tried < WANTED_EVERY):
        return
    waiting = Integration.objects.filter(pk=integration.pk, jwks_wanted=False).exclude(jwks_url="")
    waiting.update(jwks_wanted=True)
    integration.jwks_wanted = True  # the shared row in memory follows, until the keys were read


def _checked(parts: foreign.Unverified, known: Known, *, now: datetime) -> Verified | Flawed:
    integration = known.integration
    if not integration.is_active or not integration.company.is_active:
        return SWITCHED_OFF
    assertion = foreign.read_assertion(
        parts,
        issuer=integration.licence_key,
        keys=known.trusted,
        audiences=audiences_of(integration),
        longest=timedelta(minutes=integration.lifetime_minutes),
        now=now,
    )
    if isinstance(assertion, Flawed):
        return assertion
    if integration.tokens_from is not None and assertion.issued_at < integration.tokens_from:
        return OUTDATED
    return Verified(known=known, key=known.keys[assertion.kid], assertion=assertion)


def audiences_of(integration: Integration) -> tuple[str, ...]:
    """What `aud` of its tokens may say."""
    ours = str(settings.PUBLIC_URL)
    return (ours, COBROWSE) if integration.accepts_cobrowse else (ours,)


# Who sends bad tokens in a loop shall not fill the trail with it.
_noted = Buckets(60, name="refused-assertions")


def note_refusal(
    integration: Integration, flawed: Flawed, *, address: str, now: datetime, person: str = ""
) -> Flawed:
    """Write down that a token of this integration was refused, and why; at most sixty a minute of each integration. The refusal."""
    if _noted.take(str(integration.uid), now=time.monotonic()).refused:
        return flawed
    # A name only from a token whose signature held; in any other one, anything may stand.
    named = {"person": person} if person else {}
    with unit():
        record(
            Event.ASSERTION_REFUSED,
            origin=Origin(address=address),
            at=now,
            company_id=integration.company_id,
            subject=integration,
            reason=flawed.flaw,
            **named,
        )
    return flawed


# --- the person ----------------------------------------------------------------------------------------------------------


def person_of(found: Verified, *, address: str, now: datetime) -> User | Flawed:
    """Whom a token that holds signs in: found, or made on first use. A refusal is written down. Never inside a unit."""
    email = found.assertion.email
    user: User | Flawed | None = User.objects.find(email, realm=Realm.INTERNAL)
    if user is None:
        # Where none is made, somebody else was first, and it is the same person.
        user = _make(found, address=address, now=now) or User.objects.find(email, realm=Realm.INTERNAL)
    user = user or ELSEWHERE
    if isinstance(user, User):
        user = _refuse(user, found) or user
    if isinstance(user, Flawed):
        return note_refusal(found.integration, user, address=address, now=now, person=email)
    _note_use(found.key, now=now)
    return user


def person_once(found: Verified, *, address: str, now: datetime) -> User | Flawed:
    """The same for a page: the token is spent by it, so of any number of uses exactly one succeeds."""
    if not found.assertion.jti:
        return note_refusal(found.integration, foreign.ID_NEEDED, address=address, now=now)
    user = person_of(found, address=address, now=now)
    if isinstance(user, Flawed) or _spend(found):
        return user
    return note_refusal(found.integration, SPENT, address=address, now=now, person=found.assertion.email)


def _refuse(user: User, found: Verified) -> Flawed | None:
    integration = found.integration
    if user.company_id != integration.company_id:
        return ELSEWHERE
    if not user.may_sign_in:
        return SHUT
    full, grant = rights_of(user), dict(found.assertion.grant)
    counted = rights_under(grant, roles=roles_of(user), full=full, own=user.company_id)
    return ABOVE if refuse_above(integration, full, counted) is not None else None


def _make(found: Verified, *, address: str, now: datetime) -> User | Flawed | None:
    """A person of the integration's company, with the role that the token names; None when there is one of this name just now."""
    integration, assertion = found.integration, found.assertion
    # An external person of this name is somebody else, whom an account with the same name could be taken for.
    if User.objects.filter(realm=Realm.EXTERNAL, login_key=key_of(assertion.email)).exists():
        return ELSEWHERE
    claim = assertion.grant.get("role", "agent")
    given = role_of_claim(claim) if claim is not None else None
    if claim is not None and given is None:
        return ABOVE  # somebody took the built-in role away
    own = integration.company_id
    if given is not None and refuse_above(integration, rights_from([given], (), own=own)) is not None:
        return ABOVE
    roles = (
        Role.objects.filter(is_built_in=True, company=None, name=ROLES[claim]) if claim is not None else ()
    )
    with unit():
        return make_newcomer(
            assertion.email,
            display_name=assertion.display_name or assertion.email.partition("@")[0],
            company=integration.company,
            roles=list(roles),
            verified_at=None,
            came_by=Arrival.VOUCHED,
            came_through=integration.name,
            origin=Origin(actor=integration, address=address),
            now=now,
        )


def _spend(found: Verified) -> bool:
    """Whether nobody spent the token's id before. One unique row decides, in every process and for as long as the token could hold."""
    print_of_id = hashlib.sha256(f"jti:{found.assertion.jti}".encode()).hexdigest()
    try:
        with unit():
            spend(found, print_of_id)
    except IntegrityError:
        return False
    return True


def spend(found: Verified, fingerprint: str) -> None:
    """Inside a unit: note that something of this integration was used. Raises IntegrityError when it was before."""
    # No key goes into the fingerprint: after a change of FIELD_KEYS, a spent token would look new.
    SpentToken.objects.create(
        integration=found.integration, fingerprint=fingerprint, expires_at=found.assertion.until
    )


def _note_use(key: IntegrationKey, *, now: datetime) -> None:
    """Keep `used_at` true to a minute; the shared row in memory follows."""
    if key.used_at is None or now - key.used_at >= SEEN_EVERY:
        IntegrationKey.objects.filter(pk=key.pk).update(used_at=now)
        key.used_at = now

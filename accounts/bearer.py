"""Tokens of integrations as bearers on the API: the first use of one begins a session, and every later one is that session."""

from datetime import datetime

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.models import Session, SessionKind, SpentToken
from accounts.principal import Principal, principal_of_session
from accounts.sessions import SESSION, Client, start_session
from accounts.tokens.foreign import EXPIRED_ASSERTION, MALFORMED, Flawed
from accounts.vouching import (
    METHOD,
    NO_INTEGRATION,
    SHUT,
    Verified,
    note_refusal,
    person_of,
    spend,
    verified,
)
from core import entropy
from core.db import unit
from core.known import Known

ENDED = Flawed(
    code="invalid_token", message=_("What began with this token has ended. Sign a new one."), flaw="ended"
)

# Checking a token costs a signature and several statements. Which session it began never changes; whether that one lives is asked anew
# each time, and with it whether its key, its integration and its person still hold. Only good tokens are kept.
_begun = Known[tuple[str, datetime]]()


def principal_of_assertion(token: str, *, client: Client, now: datetime) -> Principal | Flawed | None:
    """The person behind a token of an integration, or why there is none; None when it is of no integration at all.

    No statement once its session is known.
    """
    begun = _begun.get(token)
    if begun is None:
        found = _begin(token, client=client, now=now)
        if isinstance(found, Flawed):
            return None if found in (MALFORMED, NO_INTEGRATION) else found
        begun = found
        _begun.keep(token, begun)
    uid, until = begun
    if now >= until:
        return EXPIRED_ASSERTION
    principal = principal_of_session(uid)
    if principal is None or not principal.is_live(now=now) or principal.session.kind != SessionKind.JWT:
        return ENDED
    return principal


def session_of_assertion(token: str, *, address: str, now: datetime) -> Session | None:
    """The session that this token began, if it holds and has been used."""
    found = verified(token, address=address, now=now)
    return None if isinstance(found, Flawed) else _session_of(found)


def _begin(token: str, *, client: Client, now: datetime) -> tuple[str, datetime] | Flawed:
    found = verified(token, address=client.address, now=now)
    if isinstance(found, Flawed):
        return found
    session = _session_of(found) or _started(found, client=client, now=now)
    if isinstance(session, Flawed):
        return session
    return str(session.uid), found.assertion.until


def _secret(found: Verified) -> str:
    # Of what was signed, not of the text: whoever changes nothing but the signature has no new token.
    return f"{found.integration.uid}:{found.assertion.signed}"


def _session_of(found: Verified) -> Session | None:
    prints = entropy.fingerprints(_secret(found), purpose=SESSION)
    return Session.objects.select_related("user").filter(fingerprint__in=prints, kind=SessionKind.JWT).first()


def _started(found: Verified, *, client: Client, now: datetime) -> Session | Flawed:
    # The session goes with its person; that it was there stays, so that a token does not bring back somebody who was deleted.
    if SpentToken.objects.filter(integration=found.integration, fingerprint=found.assertion.signed).exists():
        # Unless somebody else has just begun it, after it was looked for here.
        return _session_of(found) or ENDED
    user = person_of(found, address=client.address, now=now)
    if isinstance(user, Flawed):
        return user
    try:
        with unit():
            started = start_session(
                user,
                kind=SessionKind.JWT,
                methods=[METHOD],
                client=client,
                browser=None,
                now=now,
                vouched=found.vouched,
                secret=_secret(found),
            )
            if started is not None:
                spend(found, found.assertion.signed)
    except IntegrityError:
        return _session_of(found) or ENDED
    if started is None:
        email = found.assertion.email
        return note_refusal(found.integration, SHUT, address=client.address, now=now, person=email)
    return started[0]

"""Signing in inside a page of a trusted site, which hands over a token of its integration."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import Session, SessionKind
from accounts.sessions import Client, start_session
from accounts.tokens.foreign import Flawed
from accounts.tokens.issue import TokenPair, token_pair
from accounts.vouching import METHOD, SHUT, known_integration, note_refusal, person_once, verified

UNTRUSTED = Flawed(
    code="untrusted_origin",
    message=_("This site is not among the trusted sites of the integration."),
    flaw="origin",
)


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """A sign-in that began: its session, and the tokens by which the page holds it."""

    session: Session
    pair: TokenPair


def trusted_origins(licence_key: str) -> list[str]:
    """The sites that may show our pages for the integration with this licence key; none where it is off or unknown."""
    known = known_integration(licence_key)
    if known is None or not known.integration.is_active or not known.integration.company.is_active:
        return []
    return list(known.integration.origins)


def sign_in_embedded(token: str, *, origin: str, client: Client, now: datetime) -> Embedded | Flawed:
    """Begin a bounded session by the token that a page of this origin handed over. The token is spent by it, and works once."""
    address = client.address
    found = verified(token, address=address, now=now)
    if isinstance(found, Flawed):
        return found
    if origin not in found.integration.origins:  # before anything is made of it
        return note_refusal(found.integration, UNTRUSTED, address=address, now=now)
    user = person_once(found, address=address, now=now)
    if isinstance(user, Flawed):
        return user
    started = start_session(
        user,
        kind=SessionKind.JWT,
        methods=[METHOD],
        client=client,
        browser=None,
        now=now,
        vouched=found.vouched,
    )
    if started is None:
        return note_refusal(found.integration, SHUT, address=address, now=now, person=user.username)
    session, _secret = started
    return Embedded(session=session, pair=token_pair(session, now=now))

"""What has to happen before a client gets its code. Pure: from what was asked, and how the browser stands, to what comes next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from oidc.protocol import Asked, Refused

NO_FACTOR = ("unmet_authentication_requirements", "A second factor is needed.")


class Next(StrEnum):
    """What comes next."""

    SIGN_IN = "sign-in"
    CONFIRM = "confirm"  # again, in the session that there is
    SET_UP = "set-up"  # a second factor, for there is none yet that could be asked for
    CONSENT = "consent"
    CODE = "code"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the browser stands, and what the client is."""

    signed_in: bool
    # An administrator acts as the person, or a token of an integration bounds the session.
    is_lent: bool = False
    belongs: bool = True  # to the company of the client
    locked: bool = False
    confirmed_at: datetime | None = None
    by_factor: bool = False
    hinted: bool = True  # nobody was named by the client, or this very person
    asks_consent: bool = True
    consented: bool = False
    needs_factor: bool = False
    may_set_up: bool = False  # has turned no second factor on, and may
    # When the browser first came with this request, if it was sent on from here.
    since: datetime | None = None

    @property
    def is_proved_anew(self) -> bool:
        """Whether the person has proved it for this very request."""
        return self.since is not None and self.confirmed_at is not None and self.confirmed_at >= self.since


def decide(asked: Asked, standing: Standing, *, now: datetime) -> Next | Refused:
    """The one thing that comes next; with the prompt `none` nothing may be asked of anybody, so it is a refusal instead."""
    silent = "none" in asked.prompt
    if not standing.signed_in or standing.confirmed_at is None:
        return asked.refused("login_required", "Nobody is signed in.") if silent else Next.SIGN_IN
    if standing.is_lent:
        return asked.refused("access_denied", "This session is not the person's own.")
    if not standing.hinted:
        return asked.refused("login_required", "The hint does not name the person who is signed in.")
    if not standing.belongs:
        return asked.refused("access_denied", "The person is not of the company that this client is for.")
    if standing.locked or _is_stale(asked, standing, standing.confirmed_at, now=now):
        return asked.refused("login_required", "The person has to confirm.") if silent else Next.CONFIRM
    if (standing.needs_factor or asked.wants_mfa) and not standing.by_factor:
        if standing.needs_factor and silent:
            return asked.refused("login_required", NO_FACTOR[1])
        if standing.needs_factor and standing.may_set_up:
            return Next.SET_UP
        if not standing.is_proved_anew and not silent:
            return Next.CONFIRM
        if standing.needs_factor:
            return asked.refused(*NO_FACTOR)
    if standing.asks_consent and ("consent" in asked.prompt or not standing.consented):
        return asked.refused("consent_required", "The person has to agree.") if silent else Next.CONSENT
    return Next.CONSENT if "select_account" in asked.prompt else Next.CODE


def _is_stale(asked: Asked, standing: Standing, confirmed_at: datetime, *, now: datetime) -> bool:
    if standing.is_proved_anew:
        return False
    return "login" in asked.prompt or (
        asked.max_age is not None and confirmed_at < now - timedelta(seconds=asked.max_age)
    )

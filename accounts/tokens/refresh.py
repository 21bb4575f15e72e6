"""Refresh tokens: each works once; a second use means that it was stolen, so it ends the session (RFC 9700, 4.14.2)."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import RefreshToken, Session, SessionKind
from accounts.principal import principal_of_session
from accounts.sessions import end_sessions, note_use
from accounts.tokens.issue import REFRESH, TokenPair, token_pair
from audit.events import Event
from audit.record import Origin, record
from core import entropy
from core.db import unit
from core.outcomes import Denied

LONGEST = 200
INVALID_GRANT = Denied(code="invalid_grant", message=_("This refresh token does not hold. Sign in again."))


def find_refresh_token(token: str, *, purpose: str = REFRESH) -> RefreshToken | None:
    """The row of a refresh token, used or not. One for another purpose is none."""
    if len(token) > LONGEST:
        return None
    fingerprints = entropy.fingerprints(token, purpose=purpose)
    rows = RefreshToken.objects.select_related("session__user__company", "session__through__user")
    return rows.filter(fingerprint__in=fingerprints).first()


def _still_stands(session: Session, *, now: datetime) -> bool:
    principal = principal_of_session(str(session.uid))
    return principal is not None and principal.is_live(now=now)


def refresh(token: str, *, address: str, now: datetime) -> TokenPair | Denied:
    """Exchange a refresh token for a new pair. Of any number of uses at once exactly one succeeds, and the others end the session."""
    row = find_refresh_token(token)
    if row is None:
        return INVALID_GRANT
    row.session.user.ask_ahead()
    with unit():
        return token_pair(row.session, now=now) if spend(row, address=address, now=now) else INVALID_GRANT


def spend(row: RefreshToken, *, address: str, now: datetime) -> bool:
    """Inside a unit: use a refresh token up; False where it does not hold. A second use ends the session."""
    session = row.session
    # One statement decides who is first; everybody else has presented a used token.
    if not RefreshToken.objects.filter(pk=row.pk, used_at=None).update(used_at=now):
        _end_of_reuse(session, address=address, now=now)
        return False
    session.refresh_from_db(fields=["ended_at", "expires_at", "locked_at"])
    if not session.is_live(now=now) or session.locked_at is not None or not session.user.may_sign_in:
        return False
    if session.kind == SessionKind.IMPERSONATION and not _still_stands(session, now=now):
        return False
    origin = Origin(actor=session.user, address=address, impersonator=session.impersonator)
    record(Event.TOKEN_REFRESHED, origin=origin, at=now, company_id=session.user.company_id, subject=session)
    note_use(session, now=now)
    return True


def _end_of_reuse(session: Session, *, address: str, now: datetime) -> None:
    if end_sessions([session], reason="token_reused", origin=Origin(address=address), now=now):
        record(
            Event.TOKEN_REUSED,
            origin=Origin(address=address, impersonator=session.impersonator),
            at=now,
            company_id=session.user.company_id,
            subject=session,
            person=session.user.username,
        )

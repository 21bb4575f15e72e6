"""Making tokens: an access token of five minutes, and the first or next refresh token of a session."""

import uuid
from datetime import datetime, timedelta
from typing import Any, TypedDict

from accounts.models import RefreshToken, Session
from accounts.tokens.keys import KeyPair, active_key
from accounts.tokens.signed import ACCESS, signed
from core import entropy
from core.db import unit
from core.prepared import Insert

LIFETIME = timedelta(minutes=5)
REFRESH = "refresh"


class TokenPair(TypedDict):
    """What a client gets, with the names of RFC 6749, 5.1."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


def acting(session: Session) -> dict[str, Any]:
    """The claim that says who acts as the person (RFC 8693, 4.1); nothing where the person acts himself."""
    behind = session.impersonator
    return {} if behind is None else {"act": {"sub": str(behind.uid)}}


def access_token(session: Session, *, now: datetime, key: KeyPair | None = None) -> tuple[str, int]:
    """An access token of this session and its seconds to live, never beyond the session's own end; without `key`, the active one signs."""
    expires = min(now + LIFETIME, session.expires_at)
    claims = {"sub": str(session.user.uid), "sid": str(session.uid)} | acting(session)
    text = signed(claims, use=ACCESS, jti=uuid.uuid4().hex, issued_at=now, expires_at=expires, key=key)
    return text, max(0, int((expires - now).total_seconds()))


def refresh_token(session: Session, *, purpose: str, key: KeyPair, now: datetime) -> str:
    """The first or next refresh token of a session, for one purpose; kept as a fingerprint, and good as long as the session."""
    refresh = entropy.token(purpose)
    fingerprint = entropy.fingerprint(refresh, purpose=purpose)
    with unit():
        Insert(
            RefreshToken(session=session, fingerprint=fingerprint, issued_at=now, signed_by_id=key.pk)
        ).last()
    return refresh


def token_pair(session: Session, *, now: datetime) -> TokenPair:
    """An access token and a fresh refresh token; the latter is kept as a fingerprint and lives as long as the session."""
    key = active_key(now=now)
    refresh = refresh_token(session, purpose=REFRESH, key=key, now=now)
    access, seconds = access_token(session, now=now, key=key)
    return TokenPair(access_token=access, token_type="Bearer", expires_in=seconds, refresh_token=refresh)  # noqa: S106

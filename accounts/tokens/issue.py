"""Making tokens: an access token of five minutes, and the first or next refresh token of a session."""

import uuid
from datetime import datetime, timedelta
from typing import TypedDict

import jwt
from django.conf import settings

from accounts.models import RefreshToken, Session
from accounts.tokens.keys import ALGORITHM, active_key
from core import entropy
from core.db import unit
from core.prepared import Insert

LIFETIME = timedelta(minutes=5)
TYPE = "at+jwt"  # RFC 9068, 2.1: so that no other JWT of ours can stand for an access token
REFRESH = "refresh"


class TokenPair(TypedDict):
    """What a client gets, with the names of RFC 6749, 5.1."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


def issuer() -> str:
    """Who issues."""
    return str(settings.PUBLIC_URL)


def audience() -> str:
    """Whom access tokens are for: this API and nobody else."""
    return f"{settings.PUBLIC_URL}/api"


def access_token(session: Session, *, now: datetime) -> tuple[str, int]:
    """An access token of this session and its seconds to live, never beyond the session's own end."""
    expires = min(now + LIFETIME, session.expires_at)
    claims = {
        "iss": issuer(),
        "aud": audience(),
        "sub": str(session.user.uid),
        "sid": str(session.uid),
        "iat": int(now.timestamp()),
        "exp": int(expires.timestamp()),
        "jti": uuid.uuid4().hex,
    }
    key = active_key()
    text = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key.kid})
    return text, max(0, int((expires - now).total_seconds()))


def token_pair(session: Session, *, now: datetime) -> TokenPair:
    """An access token and a fresh refresh token; the latter is kept as a fingerprint and lives as long as the session."""
    refresh = entropy.token(REFRESH)
    fingerprint = entropy.fingerprint(refresh, purpose=REFRESH)
    with unit():
        Insert(RefreshToken(session=session, fingerprint=fingerprint, issued_at=now)).last()
    access, seconds = access_token(session, now=now)
    return TokenPair(access_token=access, token_type="Bearer", expires_in=seconds, refresh_token=refresh)  # noqa: S106

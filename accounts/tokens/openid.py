"""The tokens of OpenID Connect: ID tokens for clients, access tokens for userinfo, and logout tokens (RFC 9068; OpenID Connect Core 1.0 and
Back-Channel Logout 1.0). Each is of a type or for an audience of its own, so none stands for another, nor for a token of the API.
"""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from accounts.models import Session
from accounts.principal import Principal, principal_of_session
from accounts.tokens.issue import LIFETIME
from accounts.tokens.keys import RSA, KeyPair, active_key, active_rsa_key, key_named
from accounts.tokens.signed import Use, issuer, opened, signed
from accounts.tokens.verify import LEEWAY

USERINFO = Use(type="at+jwt", path="/o", claims=("sub", "sid", "client_id", "scope"))
REFRESH = "openid-refresh"  # the purpose of refresh tokens of clients
LOGOUT_TYPE, LOGOUT_EVENT = "logout+jwt", "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LIFETIME = timedelta(minutes=2)


def signing_key(algorithm: str, *, now: datetime) -> KeyPair:
    """The key that signs for clients who know this algorithm."""
    return active_rsa_key(now=now) if algorithm == RSA else active_key(now=now)


def access_token(session: Session, *, client_id: str, scope: str, now: datetime) -> tuple[str, int]:
    """An access token for userinfo, and its seconds to live, never beyond the session's own end."""
    expires = min(now + LIFETIME, session.expires_at)
    claims = {"sub": str(session.user.uid), "sid": str(session.uid), "client_id": client_id, "scope": scope}
    text = signed(claims, use=USERINFO, jti=uuid.uuid4().hex, issued_at=now, expires_at=expires)
    return text, max(0, int((expires - now).total_seconds()))


def id_token(claims: Mapping[str, Any], *, client_id: str, access: str, key: KeyPair, now: datetime) -> str:
    """An ID token for this client, with the hash of the access token beside it (OpenID Connect Core 1.0, 3.1.3.6)."""
    half = hashlib.sha256(access.encode()).digest()[:16]
    said = {
        **claims,
        **_times(client_id, now=now, lifetime=LIFETIME),
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
    }
    return _signed(said, typ="JWT", key=key)


def logout_token(
    *, session: uuid.UUID, person: uuid.UUID, client_id: str, key: KeyPair, now: datetime
) -> str:
    """What a client is told by that a session has ended (OpenID Connect Back-Channel Logout 1.0, 2.4)."""
    said = {
        "sub": str(person),
        "sid": str(session),
        "events": {LOGOUT_EVENT: {}},
        **_times(client_id, now=now, lifetime=LOGOUT_LIFETIME),
    }
    return _signed(said, typ=LOGOUT_TYPE, key=key)


def _times(client_id: str, *, now: datetime, lifetime: timedelta) -> dict[str, Any]:
    return {
        "iss": issuer(),
        "aud": client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": uuid.uuid4().hex,
    }


def _signed(claims: Mapping[str, Any], *, typ: str, key: KeyPair) -> str:
    return jwt.encode(
        dict(claims), key.private, algorithm=key.algorithm, headers={"typ": typ, "kid": key.kid}
    )


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What an ID token of ours says of a session that may have ended."""

    person: uuid.UUID
    session: uuid.UUID
    client_id: str


LONGEST_HINT = 7_000  # an ID token with every privilege that there is; more fits into no address


def read_hint(token: str) -> Hint | None:
    """The content of an ID token of ours, whatever its time says (`id_token_hint`); None for anything else."""
    if len(token) > LONGEST_HINT or token.count(".") != 2 or not token.isascii():
        return None
    try:
        header = jwt.get_unverified_header(token)
        key = key_named(str(header.get("kid"))) if header.get("typ") == "JWT" else None
        if key is None:
            return None
        said = jwt.decode(
            token,
            key.public,
            algorithms=[key.algorithm],  # never the header's choice
            issuer=issuer(),
            options={"require": ["iss", "aud", "sub", "sid"], "verify_aud": False, "verify_exp": False},
        )
        return Hint(person=uuid.UUID(said["sub"]), session=uuid.UUID(said["sid"]), client_id=str(said["aud"]))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError):
        return None


@dataclass(frozen=True, kw_only=True)
class UserinfoAccess:
    """What an access token for userinfo says, once its signature, type, issuer and audience hold."""

    person: str
    session: str
    client_id: str
    scope: frozenset[str]
    jti: str
    issued_at: datetime
    expires_at: datetime


def read_access(token: str) -> UserinfoAccess | None:
    """The content of an access token for userinfo, live or not; None for anything else."""
    found = opened(token, use=USERINFO)
    if found is None:
        return None
    said = found[1]
    try:
        return UserinfoAccess(
            person=str(uuid.UUID(said["sub"])),
            session=str(uuid.UUID(said["sid"])),
            client_id=str(said["client_id"]),
            scope=frozenset(str(said["scope"]).split()),
            jti=str(said["jti"]),
            issued_at=datetime.fromtimestamp(said["iat"], tz=UTC),
            expires_at=datetime.fromtimestamp(said["exp"], tz=UTC),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        return None


def principal_of(access: UserinfoAccess | None, *, now: datetime) -> Principal | None:
    """The person behind an access token for userinfo that holds: in its time, of a live session, of this very person."""
    if access is None or access.expires_at <= now or access.issued_at > now + LEEWAY:
        return None
    principal = principal_of_session(access.session)
    if principal is None or str(principal.user.uid) != access.person or not principal.is_live(now=now):
        return None
    return principal

"""Checking access tokens. Whatever is wrong with one, the answer is the same refusal."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from django.conf import settings

from accounts.principal import Principal, principal_of_session
from accounts.tokens.issue import TYPE, audience, issuer
from accounts.tokens.keys import ALGORITHM, key_named

LONGEST = 4_096  # ours have some 500 characters; a longer one is not worth a hash
LEEWAY = timedelta(seconds=5)  # between the clocks of two nodes
_CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a token of ours says, once its signature, type, issuer and audience hold."""

    sub: str
    sid: str
    jti: str
    issued_at: datetime
    expires_at: datetime


# Checking a signature costs as much as the rest of a request. A token that was ours once is ours as long as the keys are the same;
# whether it is in its time and its session lives is asked anew each time. Only good ones are kept, so that nobody can push them out.
_seen: dict[tuple[str, bytes], Access] = {}
MOST_SEEN = 10_000


def read_access_token(token: str) -> Access | None:
    """The content of an access token of ours, live or not; None for anything else."""
    if len(token) > LONGEST or token.count(".") != 2 or not token.isascii():
        return None
    name = (settings.FIELD_KEYS, hashlib.sha256(token.encode()).digest())
    if (known := _seen.get(name)) is not None:
        return known
    access = _checked(token)
    if access is not None:
        if len(_seen) >= MOST_SEEN:
            _seen.clear()
        _seen[name] = access
    return access


def _checked(token: str) -> Access | None:
    try:
        header = jwt.get_unverified_header(token)
        key = key_named(str(header.get("kid", "")))
        if key is None or str(header.get("typ", "")).lower() != TYPE or "crit" in header:
            return None
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],  # never the header's choice
            audience=audience(),
            issuer=issuer(),
            # Time is compared by `principal_of_token`, with the clock of the request.
            options={
                "require": _CLAIMS,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "strict_aud": True,
            },
        )
        return Access(
            sub=str(uuid.UUID(claims["sub"])),
            sid=str(uuid.UUID(claims["sid"])),
            jti=str(claims["jti"]),
            issued_at=datetime.fromtimestamp(int(claims["iat"]), tz=UTC),
            expires_at=datetime.fromtimestamp(int(claims["exp"]), tz=UTC),
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return None


def principal_of_access(access: Access | None, *, now: datetime) -> Principal | None:
    """The person behind a token that holds: in its time, of a live session, of this very person."""
    if access is None or access.expires_at <= now or access.issued_at > now + LEEWAY:
        return None
    principal = principal_of_session(access.sid)
    if principal is None or str(principal.user.uid) != access.sub or not principal.is_live(now=now):
        return None
    return principal


def principal_of_token(token: str, *, now: datetime) -> Principal | None:
    """The person behind an access token; None when anything about it is wrong. No statement once the session is known."""
    return principal_of_access(read_access_token(token), now=now)

"""Checking what a request brings as its bearer. Whatever is wrong with it, the answer is the same refusal."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts.principal import Principal, principal_of_session
from accounts.tokens.api_keys import is_api_key, principal_of_key
from accounts.tokens.keys import still_verifies
from accounts.tokens.signed import ACCESS, LONGEST, opened
from core.known import Known

LEEWAY = timedelta(seconds=5)  # between the clocks of two nodes


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a token of ours says, once its signature, type, issuer and audience hold."""

    kid: str  # what signed it
    sub: str
    sid: str
    jti: str
    issued_at: datetime
    expires_at: datetime


# Checking a signature costs as much as the rest of a request. A token that was ours once is ours as long as its key is;
# that, whether it is in its time and whether its session lives is asked anew each time. Only good ones are kept, so that nobody can
# push them out.
_seen = Known[Access]()


def read_access_token(token: str) -> Access | None:
    """The content of an access token of ours, live or not; None for anything else."""
    if len(token) > LONGEST or not token.isascii():
        return None
    if (known := _seen.get(token)) is not None:
        return known if still_verifies(known.kid) else None
    access = _checked(token)
    if access is not None:
        _seen.keep(token, access)
    return access


def _checked(token: str) -> Access | None:
    found = opened(token, use=ACCESS)
    if found is None:
        return None
    key, claims = found
    try:
        return Access(
            kid=key.kid,
            sub=str(uuid.UUID(claims["sub"])),
            sid=str(uuid.UUID(claims["sid"])),
            jti=str(claims["jti"]),
            issued_at=datetime.fromtimestamp(claims["iat"], tz=UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], tz=UTC),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
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
    """The person behind an access token or API key; None when anything about it is wrong. No statement once the session is known."""
    if is_api_key(token):
        return principal_of_key(token, now=now)
    return principal_of_access(read_access_token(token), now=now)

"""Tokens that we sign ourselves (JWT, ES256). Each is for one use, told by its `typ` and its `aud`, and stands for no other one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from django.conf import settings

from accounts.tokens.jose import decoded, strict_json
from accounts.tokens.keys import ALGORITHM, KeyPair, active_key, key_named

LONGEST = 4_096  # ours have some 500 characters; a longer one is not worth a hash
_ALWAYS = ("iss", "aud", "iat", "exp", "jti")
_TIMES = ("iat", "exp")
# Ours have these names and no others: none that brings a key along (jwk, x5c), says where to fetch one (jku, x5u), or changes how the
# rest is read (crit, b64, zip, cty).
_HEADER = {"alg", "typ", "kid"}


@dataclass(frozen=True, kw_only=True)
class Use:
    """What tokens of one kind are for."""

    type: str  # RFC 9068, 2.1: so that no JWT of ours can stand for one of another kind
    path: str  # below PUBLIC_URL; together they are whom it is for
    claims: tuple[str, ...] = ()  # without which there is none

    @property
    def audience(self) -> str:
        """Whom it is for."""
        return f"{settings.PUBLIC_URL}{self.path}"


ACCESS = Use(type="at+jwt", path="/api", claims=("sub", "sid"))
LINK = Use(type="gatehouse-link+jwt", path="/login", claims=("scope",))
JOIN = Use(type="gatehouse-join+jwt", path="/join", claims=("company", "role"))


def issuer() -> str:
    """Who issues."""
    return str(settings.PUBLIC_URL)


def signed(
    claims: Mapping[str, Any],
    *,
    use: Use,
    jti: str,
    issued_at: datetime,
    expires_at: datetime,
    key: KeyPair | None = None,
) -> str:
    """A token with these claims; signed by the active key, if no other one is given."""
    key = key or active_key(now=issued_at)
    standard = {
        "iss": issuer(),
        "aud": use.audience,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": jti,
    }
    return jwt.encode(
        {**claims, **standard}, key.private, algorithm=ALGORITHM, headers={"typ": use.type, "kid": key.kid}
    )


def read(token: str, *, use: Use) -> Mapping[str, Any] | None:
    """The claims of a token of ours for this use, whatever its time says; None for anything else.

    The caller compares the time with his clock: a token is read once and may be asked about often.
    """
    found = opened(token, use=use)
    return None if found is None else found[1]


def opened(token: str, *, use: Use) -> tuple[KeyPair, Mapping[str, Any]] | None:
    """The same, beside the key that signed it."""
    if len(token) > LONGEST or token.count(".") != 2 or not token.isascii():
        return None
    try:
        header, said = (_object(part) for part in token.split(".")[:2])
        if header.keys() != _HEADER or header["typ"] != use.type or not isinstance(header["kid"], str):
            return None
        key = key_named(header["kid"])
        if (
            key is None
            or key.algorithm != ALGORITHM
            or not all(type(said.get(name)) is int for name in _TIMES)
        ):
            return None
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],  # never the header's choice
            audience=use.audience,
            issuer=issuer(),
            options={
                "require": [*_ALWAYS, *use.claims],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "strict_aud": True,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return key, claims


def _object(part: str) -> dict[str, Any]:
    """The JSON object in a part of a token; raises ValueError for anything else."""
    found = strict_json(decoded(part).decode())
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found

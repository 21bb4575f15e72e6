"""Signed statements: by one, whom we call can tell that it was us who called, and that nothing was changed on the way."""

import base64
import hashlib
import uuid
from datetime import datetime, timedelta

import jwt

from accounts.tokens.keys import ALGORITHM, active_key
from accounts.tokens.signed import issuer

LIFETIME = timedelta(minutes=1)
TYPE = "gatehouse-call+jwt"  # so that it can stand for no access token, here or elsewhere


def signed_call(body: bytes, *, audience: str, now: datetime) -> str:
    """A JWT of one minute for one call with this body, good at this address alone; checked with `/.well-known/jwks.json`."""
    claims = {
        "iss": issuer(),
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "jti": uuid.uuid4().hex,
        "sha256": base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("="),
    }
    key = active_key(now=now)
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key.kid})

"""The keys that sign our tokens: derived from the root keys, made once a process, published by their thumbprint.

The active root key signs; every live one verifies, so a rotation of FIELD_KEYS ends no session.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from core.crypto import working_keys

ALGORITHM = "ES256"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256, FIPS 186-5


@dataclass(frozen=True)
class SigningKey:
    """One key pair as objects: parsing them anew for each token would cost more than signing."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as RFC 7517 writes it."""
        return _jwk(self.public) | {"kid": self.kid, "alg": ALGORITHM, "use": "sig"}


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(32, "big")).decode().rstrip("=")


def _jwk(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    point = public.public_numbers()
    return {"crv": "P-256", "kty": "EC", "x": _number(point.x), "y": _number(point.y)}


def _thumbprint(public: ec.EllipticCurvePublicKey) -> str:
    """RFC 7638: SHA-256 over the required members in lexical order, without spaces."""
    canonical = json.dumps(_jwk(public), sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")


def _made(seed: bytes) -> SigningKey:
    # FIPS 186-5, A.2.1: far more bits than the order has, so that the remainder is not skewed.
    private = ec.derive_private_key(int.from_bytes(seed, "big") % (_ORDER - 1) + 1, ec.SECP256R1())
    public = private.public_key()
    return SigningKey(kid=_thumbprint(public), private=private, public=public)


@lru_cache(maxsize=4)
def _keys(_field_keys: str) -> tuple[SigningKey, ...]:
    halves = zip(working_keys("jwt-signing"), working_keys("jwt-signing:2"), strict=True)
    return tuple(_made(first + second) for first, second in halves)


def active_key() -> SigningKey:
    """The key that signs."""
    return _keys(settings.FIELD_KEYS)[0]


def key_named(kid: str) -> SigningKey | None:
    """The live key of this name."""
    return next((key for key in _keys(settings.FIELD_KEYS) if key.kid == kid), None)


def key_set() -> dict[str, Any]:
    """What `/.well-known/jwks.json` shows (RFC 7517, 5)."""
    return {"keys": [key.jwk for key in _keys(settings.FIELD_KEYS)]}

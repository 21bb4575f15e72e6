"""Sealing of secrets, and keys derived for one purpose. The only file that imports ciphers.

Root keys stand in FIELD_KEYS as `id:base64url(32 bytes)`, separated by commas; the first seals, all of them open.
"""

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from core.errors import PortalError

NONCE_BYTES = 12  # NIST SP 800-38D: 96 random bits
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True)
class Sealed:
    """What sealing gave: text that is safe to store. It opens only for the purpose and the row that it was made for."""

    text: str

    def __repr__(self) -> str:
        return "Sealed(…)"

    @property
    def key_id(self) -> str:
        """The name of the root key that it was sealed under."""
        return self.text.partition(".")[0]


def _root(value: str) -> bytes:
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


@lru_cache(maxsize=4)
def _roots(field_keys: str) -> dict[str, bytes]:
    roots: dict[str, bytes] = {}
    for part in field_keys.split(","):
        key_id, _, value = part.strip().partition(":")
        raw = _root(value)
        if not _KEY_ID.fullmatch(key_id) or len(raw) != 32 or key_id in roots:
            raise PortalError(
                "bad_field_keys", detail="FIELD_KEYS is a list of `id:base64url of 32 bytes`, each id once."
            )
        roots[key_id] = raw
    return roots


def refuse_malformed(field_keys: str) -> None:
    """Raise PortalError unless this is a list of root keys."""
    _roots(field_keys)


def live_key_ids() -> list[str]:
    """The names of the root keys in FIELD_KEYS, the active one first."""
    return list(_roots(settings.FIELD_KEYS))


@lru_cache(maxsize=256)
def _derived(root: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(root)


def working_keys(purpose: str) -> list[bytes]:
    """The 32-byte keys of this purpose, one for each root key, the active one first."""
    return [_derived(root, purpose) for root in _roots(settings.FIELD_KEYS).values()]


def mac(text: bytes, *, purpose: str) -> bytes:
    """HMAC-SHA256 of `text` under the active key of this purpose."""
    return hmac.new(working_keys(purpose)[0], text, hashlib.sha256).digest()


def macs(text: bytes, *, purpose: str) -> list[bytes]:
    """The same under every live key, so that what was made before a rotation is still recognised."""
    return [hmac.new(key, text, hashlib.sha256).digest() for key in working_keys(purpose)]


def seal(plain: bytes, *, purpose: str, uid: str) -> Sealed:
    """Encrypt `plain` (AES-256-GCM), bound to its purpose and to the row with this `uid`."""
    key_id = next(iter(_roots(settings.FIELD_KEYS)))
    nonce = os.urandom(NONCE_BYTES)
    body = AESGCM(working_keys(f"seal:{purpose}")[0]).encrypt(nonce, plain, f"{purpose}:{uid}".encode())
    return Sealed(f"{key_id}.{base64.urlsafe_b64encode(nonce + body).decode()}")


def unseal(sealed: Sealed, *, purpose: str, uid: str) -> bytes:
    """The plain bytes; what does not open (moved to another row, another purpose, changed, unknown key) is an error."""
    key_id, body = sealed.key_id, sealed.text.partition(".")[2]
    root = _roots(settings.FIELD_KEYS).get(key_id)
    if root is None:
        raise PortalError("unseal_failed", detail=f"No key {key_id!r} in FIELD_KEYS opens this {purpose}.")
    try:
        raw = base64.urlsafe_b64decode(body)
        return AESGCM(_derived(root, f"seal:{purpose}")).decrypt(
            raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{purpose}:{uid}".encode()
        )
    except (InvalidTag, ValueError) as error:
        raise PortalError("unseal_failed", detail=f"This {purpose} does not open for this row.") from error

"""Sealing of secrets, and keys derived for one purpose. The only file that imports ciphers.

Root keys stand in FIELD_KEYS as `id:base64url(32 bytes)`, separated by commas; the first seals, all of them open.
"""

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from core.errors import PortalError

NONCE_BYTES = 12  # NIST SP 800-38D: 96 random bits
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Cipher(StrEnum):
    """How a column is sealed."""

    AES_256_GCM = "aes-256-gcm"
    FERNET = "fernet"  # AES-128-CBC with HMAC-SHA256


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


def seal(plain: bytes, *, purpose: str, uid: str, cipher: Cipher = Cipher.AES_256_GCM) -> Sealed:
    """Encrypt `plain`, bound to its purpose and to the row with this `uid`."""
    key_id, root = next(iter(_roots(settings.FIELD_KEYS).items()))
    if cipher is Cipher.FERNET:
        return Sealed(
            f"{key_id}.{_fernet(root, purpose, uid).encrypt(_bound(purpose, uid) + plain).decode()}"
        )
    nonce = os.urandom(NONCE_BYTES)
    body = AESGCM(_derived(root, f"seal:{purpose}")).encrypt(nonce, plain, f"{purpose}:{uid}".encode())
    return Sealed(f"{key_id}.{base64.urlsafe_b64encode(nonce + body).decode()}")


def unseal(sealed: Sealed, *, purpose: str, uid: str, cipher: Cipher = Cipher.AES_256_GCM) -> bytes:
    """The plain bytes; what does not open (moved to another row, another purpose, changed, unknown key) is an error."""
    key_id, body = sealed.key_id, sealed.text.partition(".")[2]
    root = _roots(settings.FIELD_KEYS).get(key_id)
    if root is None:
        raise PortalError("unseal_failed", detail=f"No key {key_id!r} in FIELD_KEYS opens this {purpose}.")
    try:
        if cipher is Cipher.FERNET:
            return _unbound(_fernet(root, purpose, uid).decrypt(body.encode()), _bound(purpose, uid))
        raw = base64.urlsafe_b64decode(body)
        return AESGCM(_derived(root, f"seal:{purpose}")).decrypt(
            raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{purpose}:{uid}".encode()
        )
    except (InvalidTag, InvalidToken, ValueError) as error:
        raise PortalError("unseal_failed", detail=f"This {purpose} does not open for this row.") from error


def _fernet(root: bytes, purpose: str, uid: str) -> Fernet:
    # Fernet has no associated data, so each row has a key of its own; it is not kept, for there are as many as there are rows. The purpose
    # is a step of its own, so that no two pairs of purpose and row run together.
    of_purpose = _derived(root, f"fernet:{purpose}")
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=uid.encode()).derive(of_purpose)
    return Fernet(base64.urlsafe_b64encode(key))


def _bound(purpose: str, uid: str) -> bytes:
    return f"{purpose}:{uid}\n".encode()


def _unbound(opened: bytes, bound: bytes) -> bytes:
    if not opened.startswith(bound):
        raise ValueError("sealed for another row")
    return opened.removeprefix(bound)

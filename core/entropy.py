"""Everything random, derived or compared in constant time."""

import base64
import hmac
import secrets

from core import crypto

TOKEN_BYTES = 32
UNMISTAKABLE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U


def token(prefix: str) -> str:
    """A random secret of 256 bits behind a prefix that tells what it is (`gh_<prefix>_…`), so that scanners can find leaks."""
    return f"gh_{prefix}_{secrets.token_urlsafe(TOKEN_BYTES)}"


def _code(mac: bytes, length: int) -> str:
    # 256 bits reduced to at most ten digits: the bias is below 2^-220.
    return str(int.from_bytes(mac) % 10**length).zfill(length)


def _link(mac: bytes) -> str:
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def derived_code(*, purpose: str, id: str, digits: int) -> str:
    """The code of one challenge: the same at every call, and kept nowhere."""
    return _code(crypto.mac(id.encode(), purpose=f"code:{purpose}"), digits)


def is_derived_code(given: str, *, purpose: str, id: str, digits: int) -> bool:
    """Whether `given` is the code of this challenge, also one sent before the last rotation of keys."""
    macs = crypto.macs(id.encode(), purpose=f"code:{purpose}")
    return _is_one_of(given, [_code(mac, digits) for mac in macs])


def derived_secret(*, purpose: str, id: str) -> str:
    """The secret of one link (256 bits, base64url): the same at every call, and kept nowhere."""
    return _link(crypto.mac(id.encode(), purpose=f"link:{purpose}"))


def is_derived_secret(given: str, *, purpose: str, id: str) -> bool:
    """Whether `given` is the secret of this link."""
    macs = crypto.macs(id.encode(), purpose=f"link:{purpose}")
    return _is_one_of(given, [_link(mac) for mac in macs])


def _is_one_of(given: str, expected: list[str]) -> bool:
    # All are compared, so that the time does not tell which key was the right one.
    matches = [same(given, one) for one in expected]
    return any(matches)


def _bytes(text: str) -> bytes:
    # JSON may hold half of a surrogate pair, which plain UTF-8 refuses: what a person sends must not be a fault of ours.
    return text.encode(errors="surrogatepass")


def fingerprint(text: str, *, purpose: str) -> str:
    """A keyed fingerprint to store instead of `text`, and to find it by; the same text has another one for another purpose."""
    return crypto.mac(_bytes(text), purpose=f"fingerprint:{purpose}").hex()


def fingerprints(text: str, *, purpose: str) -> list[str]:
    """Every fingerprint that `text` may be stored under while two root keys are live; look it up by `__in`."""
    return [mac.hex() for mac in crypto.macs(_bytes(text), purpose=f"fingerprint:{purpose}")]


def same(a: str, b: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(_bytes(a), _bytes(b))


def seed(length: int) -> bytes:
    """So many random bytes."""
    return secrets.token_bytes(length)


def words_code(length: int) -> str:
    """A random code of letters and digits that cannot be taken for each other; five bits a character."""
    return "".join(secrets.choice(UNMISTAKABLE) for _ in range(length))

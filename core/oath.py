"""Codes of authenticator apps (RFC 4226, RFC 6238): which time step a code belongs to, and the address that an app is set up by."""

import base64
from collections.abc import Iterable
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from core import entropy

PERIOD = 30  # seconds of a time step
ALGORITHMS: dict[str, type[SHA1 | SHA256 | SHA512]] = {"SHA1": SHA1, "SHA256": SHA256, "SHA512": SHA512}
SEED_BYTES = {"SHA1": 20, "SHA256": 32, "SHA512": 64}  # as long as the hash, RFC 6238 §5.1


def step_at(seconds: float) -> int:
    """The time step of a moment."""
    return int(seconds // PERIOD)


def code_at(seed: bytes, step: int, *, algorithm: str, digits: int) -> str:
    """The code of one time step."""
    return HOTP(seed, digits, ALGORITHMS[algorithm]()).generate(step).decode()


def step_of(code: str, seed: bytes, *, among: Iterable[int], algorithm: str, digits: int) -> int | None:
    """The time step among these whose code it is; every one is compared, so that the time does not tell which."""
    found = None
    for step in among:
        if step >= 0 and entropy.same(code, code_at(seed, step, algorithm=algorithm, digits=digits)):
            found = step
    return found


def written(seed: bytes) -> str:
    """The seed as people type it: base32 without padding."""
    return base64.b32encode(seed).decode().rstrip("=")


def address(seed: bytes, *, issuer: str, account: str, algorithm: str, digits: int) -> str:
    """The `otpauth:` address that an app reads from a QR code."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    values = {
        "secret": written(seed),
        "issuer": issuer,
        "algorithm": algorithm,
        "digits": digits,
        "period": PERIOD,
    }
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"

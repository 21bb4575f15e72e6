"""The parts of tokens and keys, read in one way or not at all. Pure; raises ValueError for whatever two readers could read differently."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any


def encoded(raw: bytes) -> str:
    """As base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encoded(raw) != text:  # there are several texts for the same bytes, of which one is right
        raise ValueError("not as it is written")
    return raw


def strict_json(text: str) -> Any:
    """JSON with each name once in an object, and no number that is none. Raises RecursionError, too."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refused)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def thumbprint(jwk: Mapping[str, str]) -> str:
    """SHA-256 over the members that make the key, in lexical order and without spaces (RFC 7638, 3)."""
    canonical = json.dumps(dict(jwk), sort_keys=True, separators=(",", ":")).encode()
    return encoded(hashlib.sha256(canonical).digest())

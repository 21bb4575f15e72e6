"""Pure: names in filters (RFC 4515) and in distinguished names (RFC 4514)."""

import re

_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@")
_PAIR = re.compile(rb"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)
_PART = re.compile(r"((?:\\.|[^\\,;+])+)([,;+]?)", re.DOTALL)
_SPACES = re.compile(rb" +")


def escaped(text: str) -> str:
    """The text as data, in a filter as well as in a DN: whatever could mean something there stands as its hexadecimal number."""
    return "".join(chr(byte) if byte in _SAFE else f"\\{byte:02x}" for byte in text.encode())


def filled(template: str, **values: str) -> str:
    """The template with these values as data in the places `{name}`; a value cannot bring a place of its own."""
    places = "|".join(values)
    return re.sub(rf"\{{({places})\}}", lambda place: escaped(values[place[1]]), template)


def comparable(dn: str) -> tuple[tuple[str, bytes, bool], ...]:
    """The DN in a form in which two spellings of one name are equal: cases, escapes and needless spaces do not count."""
    parts = []
    for part, separator in _PART.findall(dn):
        kind, _, value = part.partition("=")
        parts.append((kind.strip().lower(), _plain(value.strip()), separator == "+"))
    return tuple(parts)


def _plain(value: str) -> bytes:
    raw = _PAIR.sub(
        lambda pair: bytes.fromhex(pair[1].decode()) if pair[1] else pair[2], value.encode(errors="replace")
    )
    return _SPACES.sub(b" ", raw.decode(errors="replace").casefold().encode())

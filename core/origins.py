"""Addresses of sites that somebody typed: their origins, and whole ones. Pure."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from core.addresses import is_loopback
from core.outcomes import Denied

MOST_ORIGINS = 20
LONGEST_ORIGIN = 255
# A name of letters, digits and hyphens, or an address in numbers: what stands in a header of ours must not be able to end it.
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:]{2,39}\]"
)
_PORTS = {"https": 443, "http": 80}


def checked_origins(given: Sequence[str]) -> list[str] | Denied:
    """The origins in the one form in which browsers write them (RFC 6454, 6.1), each once."""
    found = list(dict.fromkeys(one.strip() for one in given if one.strip()))
    if len(found) > MOST_ORIGINS:
        return Denied(
            code="invalid",
            field="origins",
            message=_("Name at most %(most)s origins.") % {"most": MOST_ORIGINS},
        )
    origins = []
    for one in found:
        origin = origin_of(one)
        if "{" in one:
            return Denied(
                code="invalid",
                field="origins",
                message=_("Put your own name in the place of what stands in braces in %(origin)s.")
                % {"origin": one[:80]},
            )
        if origin is None:
            return Denied(
                code="invalid",
                field="origins",
                message=_(
                    "%(origin)s is no origin. Write each such as https://desk.example.com: https, the whole name, no path and no *."
                )
                % {"origin": one[:80]},
            )
        origins.append(origin)
    return list(dict.fromkeys(origins))


def origin_of(text: str) -> str | None:
    """The origin that the text is, in the form of browsers; None for anything else: a path, a user, `null`, plain http elsewhere."""
    parts = parsed(text.lower(), longest=LONGEST_ORIGIN)
    if parts is None:
        return None
    scheme, host, port, rest = parts
    # A policy (CSP) cannot name an address of IPv6, so no page would open there.
    if rest or ":" in host or scheme not in _PORTS or (scheme == "http" and not is_loopback(host)):
        return None
    return f"{scheme}://{host}" + ("" if port in {None, _PORTS[scheme]} else f":{port}")


def parsed(text: str, *, longest: int) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and the rest; None for what has a user, or what two readers would read differently."""
    if (
        len(text) > longest
        or not text.isascii()
        or not text.isprintable()
        or re.search(r"[\s\\*{}<>\"';,]", text)
    ):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    host = f"[{host}]" if ":" in host else host
    written = host if port is None else f"{host}:{port}"
    if parts.netloc.lower() != written or port == 0 or not _HOST.fullmatch(host):
        return None
    return parts.scheme, host, port, text.partition(parts.netloc)[2]

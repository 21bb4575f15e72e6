"""What a request says about its origin, and what we let it say."""

import ipaddress
from collections.abc import Container
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.http import url_has_allowed_host_and_scheme

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
# Any of these means that somebody stands between the two, so a loopback peer proves nothing.
_FORWARDED = tuple(
    f"HTTP_{name}"
    for name in ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_REAL_IP", "VIA")
)


@lru_cache(maxsize=8)
def _networks(listed: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(one, strict=False) for one in listed)


def _parsed(text: str) -> Address | None:
    """The address without its scope; one of IPv4 in IPv6 clothes, as a socket of both kinds shows it, is one of IPv4."""
    text = text.partition("%")[0]
    # No address is longer, and what is remembered stays small, whatever a client writes into a header.
    return _read(text) if len(text) <= 45 else None


@lru_cache(maxsize=4096)
def _read(text: str) -> Address | None:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if parsed.version == 6 else parsed


def _is_proxy(address: Address) -> bool:
    return any(address in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


def is_from_proxy(request: HttpRequest) -> bool:
    """Whether one of TRUSTED_PROXIES handed us this request."""
    if not settings.TRUSTED_PROXIES:
        return False
    peer = _parsed(str(request.META.get("REMOTE_ADDR", "")))
    return peer is not None and _is_proxy(peer)


def client_address(request: HttpRequest) -> str:
    """The network address of the client.

    X-Forwarded-For is read from the right and only as far as TRUSTED_PROXIES wrote it: what stands further left, a client may have
    invented. `Forwarded` and `X-Real-IP` are never read.
    """
    peer = str(request.META.get("REMOTE_ADDR", "")) or "0.0.0.0"  # noqa: S104
    address = _parsed(peer)
    if address is None:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    while hops and _is_proxy(address):
        hop = _parsed(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address)


def is_from_this_machine(request: HttpRequest, *, hosts: Container[str] = LOOPBACK_HOSTS) -> bool:
    """Whether this very machine asks, by nobody else, for one of these hosts: a page could lead a name of its own here."""
    peer = _parsed(str(request.META.get("REMOTE_ADDR", "")))
    host, _port = split_domain_port(request.META.get("HTTP_HOST", ""))
    return (
        peer is not None
        and peer.is_loopback
        and host in hosts
        and not any(name in request.META for name in _FORWARDED)
    )


def network_of(address: str) -> str:
    """The network that limits count: an IPv4 address, or the /64 that one IPv6 subscriber holds."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def safe_next(target: str | None, *, default: str = "/") -> str:
    """`target` when it is a path of this portal, else `default`. Compared as parsed, never as a prefix."""
    if not target or len(target) > 2_000 or not target.startswith("/") or target.startswith("//"):
        return default
    if any(ord(character) < 33 for character in target) or "\\" in target:
        return default
    host = urlsplit(settings.PUBLIC_URL).netloc
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={host}, require_https=settings.HTTPS):
        return default
    parsed = urlsplit(target)
    return default if parsed.scheme or parsed.netloc else target


def user_agent(request: HttpRequest) -> str:
    """What the client calls itself, bounded and printable."""
    text = str(request.META.get("HTTP_USER_AGENT", ""))[:200]
    return "".join(character for character in text if character.isprintable())

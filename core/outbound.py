"""Calls to web addresses that somebody typed into a setting (attack 34, SSRF). All go through here but those to directories and to a remote
Configuration Server, which stand in networks of one's own.

A name is resolved once, and the call goes to the very address that was found good, so a name that means something else a moment later
changes nothing. TLS is checked for the name. No redirect is followed, no proxy of the environment is used, and one time limit holds
for everything.
"""

import logging
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from http.client import HTTPException
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from core.addresses import Address, addresses_of
from core.deadline import Deadline
from core.exchange import Answer, Asking, TooLargeError, connected, exchanged
from core.reachable import Network, is_reachable, may_be_plain
from core.tls import flaw_of

logger = logging.getLogger(__name__)
MOST_TRIED = 3  # addresses of one name


class Why(StrEnum):
    """Why there is no answer; for the log and for administrators."""

    ADDRESS = "the address cannot be read"
    NO_ADDRESS = "the name has no address"
    SHUT = "the address is in a network that is closed to such calls"
    PLAIN = "the address is not https"
    UNREACHABLE = "nobody answers there"
    CERTIFICATE = "the certificate is not trusted, has expired, or is for another name"
    TLS = "no secure connection came about"
    LATE = "it took too long"
    TOO_LARGE = "the answer is too large"
    NO_HTTP = "the answer is no HTTP"


@dataclass(frozen=True, kw_only=True)
class Silence:
    """No answer that can be used."""

    why: Why


@dataclass(frozen=True, kw_only=True)
class _Target:
    host: str
    port: int
    path: str
    secure: bool

    @property
    def name(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], deadline: Deadline, most: int
) -> Answer | Silence:
    """Send a body there, and read an answer of at most so many bytes by the deadline. Never inside a unit."""
    return _called(url, "POST", body, headers=headers, deadline=deadline, most=most)


def get(url: str, *, headers: Mapping[str, str], deadline: Deadline, most: int) -> Answer | Silence:
    """Read what is there, at most so many bytes by the deadline. Never inside a unit."""
    return _called(url, "GET", None, headers=headers, deadline=deadline, most=most)


def _called(
    url: str, method: str, body: bytes | None, *, headers: Mapping[str, str], deadline: Deadline, most: int
) -> Answer | Silence:
    target = _target_of(url)
    if target is None:
        return Silence(why=Why.ADDRESS)
    headers = {"Host": target.name, "Connection": "close", **headers}
    done = _answered(
        target,
        Asking(method=method, path=target.path, body=body, headers=headers, deadline=deadline, most=most),
    )
    if isinstance(done, Why):
        # The host alone: a path may hold what only the two sides should know.
        logger.warning("call to %s failed: %s", target.name, done)
        return Silence(why=done)
    return done


def _target_of(url: str) -> _Target | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or port == 0:
        return None
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(host=host, port=port or (443 if secure else 80), path=path, secure=secure)


def _answered(target: _Target, asking: Asking) -> Answer | Why:
    try:
        within = asking.deadline.patience()
        found = addresses_of(target.host, target.port, kind=socket.SOCK_STREAM, within=within)
    except TimeoutError:
        return Why.LATE
    except OSError:
        return Why.NO_ADDRESS
    if (refused := _refused(target, found)) is not None:
        return refused
    context = _context(settings.OUTBOUND_CA_FILE) if target.secure else None
    try:
        with connected(
            found[:MOST_TRIED], host=target.host, context=context, deadline=asking.deadline
        ) as line:
            return exchanged(line, asking)
    except TimeoutError:
        return Why.LATE
    except TooLargeError:
        return Why.TOO_LARGE
    except ssl.SSLError as error:
        return Why.TLS if flaw_of(error) is None else Why.CERTIFICATE
    except OSError:
        return Why.UNREACHABLE
    except (HTTPException, ValueError):
        return Why.NO_HTTP


def _refused(target: _Target, found: Sequence[Address]) -> Why | None:
    """A name of which any address is closed is refused altogether: whoever mixes them tries which one we take."""
    numbers, allowed = [ip_address(one.host) for one in found], _allowed(tuple(settings.OUTBOUND_ALLOW))
    if not all(is_reachable(one, allowed=allowed) for one in numbers):
        return Why.SHUT
    if not target.secure and not all(may_be_plain(one, allowed=allowed) for one in numbers):
        return Why.PLAIN
    return None


@lru_cache(maxsize=4)
def _allowed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(one, strict=False) for one in networks)


@lru_cache(maxsize=4)
def _context(ca_file: str) -> ssl.SSLContext:
    # Kept, for reading the system's authorities takes longer than a call.
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    return context

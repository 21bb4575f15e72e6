"""TLS towards others: the certificate and the name are always checked, and what is wrong with them is said in plain words."""

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which Python does not name


class Flaw(StrEnum):
    """Why a certificate is not trusted."""

    NAME = "name"  # it is for another host
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    ISSUER = "issuer"  # no authority that we trust has signed it


# By the codes of OpenSSL (x509_vfy.h); any other one is a chain that does not lead to an authority that we trust.
_FLAWS = {62: Flaw.NAME, 64: Flaw.NAME, 10: Flaw.EXPIRED, 9: Flaw.NOT_YET}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is seen of a server in the handshake: the version of TLS, and what its certificate says of itself."""

    version: str
    subject: str
    names: tuple[str, ...]
    expires_at: float  # seconds since 1970


@lru_cache(maxsize=64)
def context_of(authorities: str) -> ssl.SSLContext:
    """The rules for servers that these authorities (PEM; empty: the system's) vouch for. Raises ssl.SSLError where the text holds none.

    It is kept, for reading the system's authorities takes longer than a sign-in.
    """
    context = ssl.create_default_context(cadata=authorities or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def lenient_context(authorities: str) -> ssl.SSLContext:
    """For reading a certificate that is wrong, and for nothing else: name and time are not checked, its issuer is."""
    context = ssl.create_default_context(cadata=authorities or None)
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def wrapped(plain: socket.socket, *, host: str, context: ssl.SSLContext, timeout: float) -> ssl.SSLSocket:
    """TLS over this connection, up to the end of the handshake. Raises OSError, of which ssl.SSLError is one.

    TCP_NODELAY, for the handshake's small messages would wait for each other: 50 ms instead of two.
    """
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.settimeout(timeout)  # of the handshake as a whole
    return context.wrap_socket(plain, server_hostname=host)


def flaw_of(error: OSError | ValueError) -> Flaw | None:
    """What the certificate lacks, if that is what ended the handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _FLAWS.get(error.verify_code, Flaw.ISSUER)
    return None


def seen_in(secured: ssl.SSLSocket) -> Seen:
    """What the other side has shown."""
    told: dict[str, Any] = secured.getpeercert() or {}
    return Seen(
        version=secured.version() or "",
        subject=", ".join(f"{name}={value}" for part in told.get("subject", ()) for name, value in part),
        names=tuple(value for _kind, value in told.get("subjectAltName", ())),
        expires_at=float(ssl.cert_time_to_seconds(told["notAfter"])) if "notAfter" in told else 0.0,
    )

"""The gateway over SMTP, told by `EMAIL_URL`.

TLS is verified; only a server on this machine may do without, unless the URL says so.
"""

import logging
import smtplib
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.smtp import EmailBackend

from delivery.gateways import Deferred, Parcel, Refused, Result, Sent
from delivery.gateways.mail import mail_of

logger = logging.getLogger(__name__)
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PERMANENT = range(500, 600)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A mail server as `EMAIL_URL` names it."""

    host: str
    port: int
    username: str
    password: str
    tls: str  # "starttls", "implicit" or "off"

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, tls={self.tls})"


def server_of(url: str) -> Server:
    """`smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`; `?tls=off` sends in clear. Raises ImproperlyConfigured."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    if (
        parts.scheme not in {"smtp", "smtps"}
        or not parts.hostname
        or parts.path not in {"", "/"}
        or set(query) - {"tls"}
    ):
        raise ImproperlyConfigured(
            "EMAIL_URL must look like smtp://user:password@host:587 or smtps://user:password@host:465"
        )
    usual = "implicit" if parts.scheme == "smtps" else "off" if parts.hostname in LOOPBACK else "starttls"
    tls = query.get("tls", [usual])[-1]
    if tls not in {usual, "off", "starttls"} or (parts.scheme == "smtps" and tls != "implicit"):
        raise ImproperlyConfigured("EMAIL_URL: tls may be starttls or off, with smtp:// only")
    return Server(
        host=parts.hostname,
        port=parts.port or (465 if tls == "implicit" else 587 if tls == "starttls" else 25),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
    )


class SmtpGateway:
    """One connection for a batch, opened at the first message and again when the server dropped it."""

    def __init__(self, server: Server) -> None:
        self._backend = EmailBackend(
            host=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls == "starttls",
            use_ssl=server.tls == "implicit",
            timeout=settings.EMAIL_TIMEOUT,
        )
        self._unreachable: Deferred | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def send(self, parcel: Parcel) -> Result:
        """Hand over one message. A server that cannot be reached is asked once for a batch, not once for each message."""
        if self._unreachable:
            return self._unreachable
        try:
            self._backend.open()
        except (OSError, smtplib.SMTPException) as error:
            self._close()
            self._unreachable = Deferred(f"The mail server cannot be used: {_reason(error)}")
            return self._unreachable
        try:
            self._backend.send_messages([mail_of(parcel)])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            return self._refusal(code, text)
        except smtplib.SMTPDataError as error:
            return self._refusal(error.smtp_code, error.smtp_error)
        except ValueError as error:
            # Django refuses a line break in a header; nothing was said to the server.
            return Refused(f"The message cannot be built: {error}"[:300])
        except (OSError, smtplib.SMTPException) as error:
            self._close()
            return Deferred(f"The mail server did not take it: {_reason(error)}")
        return Sent()

    def _refusal(self, code: int, text: bytes | str) -> Result:
        reason = f"The mail server answered {code} {_plain(text)}"
        return Refused(reason) if code in PERMANENT else Deferred(reason)

    def _close(self) -> None:
        try:
            self._backend.close()
        except (OSError, smtplib.SMTPException):
            self._backend.connection = None


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_plain(error.smtp_error)}"
    return _plain(str(error)) or type(error).__name__


def _plain(text: bytes | str) -> str:
    """What a server said, bounded and printable: it goes to a page."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return "".join(c if c.isprintable() else " " for c in decoded)[:200].strip()

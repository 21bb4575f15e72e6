"""A real SMTP server in a thread, and what it received."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.services import free_port

CODE = re.compile(r"^ {4}([0-9]{4,10})\r?$", re.MULTILINE)


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def code_in(mail: str | EmailMessage) -> str | None:
    """The code of a mail, or of its text: it stands indented on a line of its own."""
    found = CODE.search(mail if isinstance(mail, str) else text_of(mail))
    return found[1] if found else None


@dataclass
class Mailbox:
    """The mails that arrived; `refuse` maps a recipient to the answer that it gets instead, `slow` a command to the seconds it takes."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    refuse_data: str = ""
    slow: dict[str, float] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The value of EMAIL_URL that leads here."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's names)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.slow.get("RCPT", 0))
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse_data:
            return self.refuse_data
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.mails.append(message_from_bytes(content, _class=EmailMessage, policy=modern))
        await asyncio.sleep(self.slow.get("DATA", 0))
        return "250 OK"


@contextmanager
def smtp_server(*, port: int = 0, tls: ssl.SSLContext | None = None, password: str = "") -> Iterator[Mailbox]:
    """A server that keeps what it gets; with `tls` it demands STARTTLS, with `password` it also demands to be logged in to."""
    box = Mailbox(port=port or free_port())

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        given = data.password.decode() if isinstance(data, LoginPassword) else ""
        return AuthResult(success=given == password, handled=False)

    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=check if password else None,
        auth_required=bool(password),
        auth_require_tls=tls is not None,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()

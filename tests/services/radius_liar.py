"""A UDP server that says what a test tells it to, true or not. It codes RADIUS by itself, from RFC 2865 and 2869 alone."""

import hashlib
import hmac
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from tests.services.radius import SECRET

ACCESS_REQUEST, ACCEPT, REJECT, CHALLENGE, STATUS_SERVER = 1, 2, 3, 11, 12
USER_NAME, USER_PASSWORD, REPLY_MESSAGE, STATE, PROMPT, SIGNATURE = 1, 2, 18, 24, 76, 80
Attribute = tuple[int, bytes]
Origin = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What arrived, and where it came from."""

    octets: bytes
    origin: Origin

    @property
    def code(self) -> int:
        """Access-Request or Status-Server."""
        return self.octets[0]

    @property
    def id(self) -> int:
        """The Identifier."""
        return self.octets[1]

    @property
    def authenticator(self) -> bytes:
        """The Request Authenticator."""
        return self.octets[4:20]

    @property
    def attributes(self) -> list[Attribute]:
        """All of them, in order."""
        found, rest = [], self.octets[20:]
        while rest:
            found.append((rest[0], rest[2 : rest[1]]))
            rest = rest[rest[1] :]
        return found

    def value(self, code: int) -> bytes | None:
        """That of the first attribute with this code."""
        return next((value for found, value in self.attributes if found == code), None)

    @property
    def name(self) -> str:
        """The User-Name."""
        return (self.value(USER_NAME) or b"").decode()

    def password(self, secret: str = SECRET) -> bytes:
        """The User-Password, no longer hidden (RFC 2865, 5.2)."""
        hidden, plain, last = self.value(USER_PASSWORD) or b"", b"", self.authenticator
        for start in range(0, len(hidden), 16):
            block = hidden[start : start + 16]
            mask = hashlib.md5(secret.encode() + last, usedforsecurity=False).digest()
            plain += bytes(a ^ b for a, b in zip(block, mask, strict=True))
            last = block
        return plain.rstrip(b"\0")

    def is_signed(self, secret: str = SECRET) -> bool:
        """Whether the Message-Authenticator is right, and stands first (RFC 3579, 3.2)."""
        [(code, signature), *_] = self.attributes
        blank = self.octets[:22] + bytes(16) + self.octets[38:]
        return code == SIGNATURE and signature == hmac.digest(secret.encode(), blank, "md5")

    def reply(
        self,
        code: int,
        *attributes: Attribute,
        secret: str = SECRET,
        signed_with: str | None = None,
        id: int | None = None,
    ) -> bytes:
        """A signed answer; it is right unless something else is asked for."""
        signature = (SIGNATURE, bytes(16))
        head = self._head(code, (signature, *attributes), id)
        blank = head + self.authenticator + _coded(signature, *attributes)
        signature = (SIGNATURE, hmac.digest((signed_with or secret).encode(), blank, "md5"))
        return self._finished(head, _coded(signature, *attributes), secret)

    def unsigned(self, code: int, *attributes: Attribute, secret: str = SECRET) -> bytes:
        """An answer as servers gave it before CVE-2024-3596: by Response Authenticator alone."""
        return self._finished(self._head(code, attributes, None), _coded(*attributes), secret)

    def _head(self, code: int, attributes: tuple[Attribute, ...], id: int | None) -> bytes:
        return struct.pack("!BBH", code, self.id if id is None else id, 20 + len(_coded(*attributes)))

    def _finished(self, head: bytes, body: bytes, secret: str) -> bytes:
        signed = head + self.authenticator + body + secret.encode()
        return head + hashlib.md5(signed, usedforsecurity=False).digest() + body


def _coded(*attributes: Attribute) -> bytes:
    return b"".join(struct.pack("!BB", code, len(value) + 2) + value for code, value in attributes)


@dataclass
class Liar:
    """What it heard, and what it says to whom."""

    behave: Callable[["Liar", Request], None]
    line: socket.socket
    name: str  # host and port, as the settings of a directory write them
    requests: list[Request] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    def say(self, octets: bytes, *, to: Request) -> None:
        """Send this from where it is expected to come from."""
        self.line.sendto(octets, to.origin)

    def serve(self) -> None:
        """Hear until the line is shut."""
        while True:
            octets, origin = self.line.recvfrom(4096)
            if not octets:
                return
            request = Request(octets=octets, origin=origin)
            self.requests.append(request)
            try:
                self.behave(self, request)
            except Exception as fault:
                self.faults.append(fault)


@contextmanager
def liar(behave: Callable[[Liar, Request], None], *, host: str = "127.0.0.1") -> Iterator[Liar]:
    """A server that behaves like this at each request. What goes wrong in it is raised at the end."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((host, 0))
        port = line.getsockname()[1]
        server = Liar(behave=behave, line=line, name=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        thread = Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(line.family, socket.SOCK_DGRAM) as last:
                last.sendto(b"", line.getsockname())
            thread.join(10)
    if server.faults:
        raise server.faults[0]


def say_from_elsewhere(octets: bytes, *, to: Request, host: str = "127.0.0.1", port: int = 0) -> None:
    """Send this from an address or a port where no request went."""
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.bind((host, port))
        line.sendto(octets, to.origin)

"""A server in a thread that does with each connection what a test says, and keeps what it heard: for what no real server does."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# Tags of LDAP messages (RFC 4511, 4.2 to 4.14).
BIND, BIND_ANSWER, SEARCH_ENTRY, SEARCH_DONE, EXTENDED_ANSWER = 0x60, 0x61, 0x64, 0x65, 0x78


def ber(tag: int, *parts: bytes) -> bytes:
    """One element."""
    content = b"".join(parts)
    size = len(content).to_bytes(4)
    return bytes([tag]) + (size[3:] if len(content) < 0x80 else b"\x84" + size) + content


def number(value: int, *, tag: int = 0x02) -> bytes:
    """A whole number."""
    return ber(tag, value.to_bytes(value.bit_length() // 8 + 1))


def result(tag: int, code: int, text: str = "", *more: bytes) -> bytes:
    """The end of an operation: its code, no DN, and the server's words."""
    return ber(tag, number(code, tag=0x0A), ber(0x04), ber(0x04, text.encode()), *more)


def found(dn: str, **values: str) -> bytes:
    """One entry of a search."""
    attributes = [
        ber(0x30, ber(0x04, name.encode()), ber(0x31, ber(0x04, value.encode())))
        for name, value in values.items()
    ]
    return ber(SEARCH_ENTRY, ber(0x04, dn.encode()), ber(0x30, *attributes))


@dataclass
class Talk:
    """One connection, from the server's side."""

    socket: socket.socket
    heard: bytearray
    stop: threading.Event

    def request(self) -> bytes:
        """The next message: its number as it stands in it, for the answer."""
        begin = self._read(2)
        size = begin[1] if begin[1] < 0x80 else int.from_bytes(self._read(begin[1] - 0x80))
        body = self._read(size)
        return body[: 2 + body[1]]

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (part := self.socket.recv(size - len(data))):
                raise ConnectionError
            data += part
            self.heard += part
        return data

    def say(self, id: bytes, *answers: bytes) -> None:
        """Send these as messages with this number."""
        for one in answers:
            self.socket.sendall(ber(0x30, id, one))

    def drip(self, data: bytes, *, every: float = 0.05) -> None:
        """Send one byte after the other, until nobody reads them."""
        for index in range(len(data)):
            self.socket.sendall(data[index : index + 1])
            if self.stop.wait(every):
                return

    def listen(self) -> None:
        """Hear whatever comes, and say nothing."""
        while part := self.socket.recv(4096):
            self.heard += part


@dataclass
class Hostile:
    """The server: its port, how many connected, and what they said."""

    port: int
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)


@contextmanager
def hostile_server(
    behave: Callable[[Talk], None] = Talk.listen, *, tls: ssl.SSLContext | None = None
) -> Iterator[Hostile]:
    """Lets `behave` run with each connection, after a handshake where there is `tls`."""
    stop, threads = threading.Event(), list[threading.Thread]()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.settimeout(0.05)
        server = Hostile(port=listener.getsockname()[1])

        def one(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                connection.settimeout(20)
                inner = tls.wrap_socket(connection, server_side=True) if tls else connection
                with inner:
                    behave(Talk(inner, server.heard, stop))

        def accept() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    connection, _ = listener.accept()
                    server.connections += 1
                    threads.append(threading.Thread(target=one, args=[connection], daemon=True))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            stop.set()
            acceptor.join(2)

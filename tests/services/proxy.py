"""A proxy in front of an LDAP server without TLS that counts what goes through it."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# Tags of requests (RFC 4511, 4.2 to 4.14).
NAMES = {0x60: "bind", 0x42: "unbind", 0x63: "search", 0x77: "extended"}


@dataclass
class Proxy:
    """Where it listens, what has gone through, and what happens before a request does, told by its name."""

    port: int
    before: Callable[[str], object] = lambda _request: None
    connections: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """Begin anew."""
        self.connections = 0
        self.requests.clear()


@contextmanager
def ldap_proxy(port: int) -> Iterator[Proxy]:
    """One in front of the server at this port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.settimeout(0.05)
        proxy = Proxy(port=listener.getsockname()[1])

        def accept() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    near, _peer = listener.accept()
                    proxy.connections += 1
                    try:
                        far = socket.create_connection(("127.0.0.1", port), timeout=30)
                    except ConnectionRefusedError:
                        near.close()  # the server is away, so whoever came is turned away
                        continue
                    for one in (near, far):
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=_requests, args=[near, far, proxy], daemon=True).start()
                    threading.Thread(target=_answers, args=[far, near], daemon=True).start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield proxy
        finally:
            over.set()
            acceptor.join(5)


def _requests(near: socket.socket, far: socket.socket, proxy: Proxy) -> None:
    rest = b""
    with suppress(OSError), near, far:
        while part := near.recv(65_536):
            rest = _counted(rest + part, proxy)
            far.sendall(part)


def _answers(far: socket.socket, near: socket.socket) -> None:
    with suppress(OSError), near, far:
        while part := far.recv(65_536):
            near.sendall(part)


def _counted(data: bytes, proxy: Proxy) -> bytes:
    """Count the whole messages at the beginning; what is left."""
    while len(data) >= 2:
        head, size = 2, data[1]
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(data[2:head])
        if len(data) < head + size:
            break
        message, data = data[head : head + size], data[head + size :]
        operation = message[2 + message[1]]
        name = NAMES.get(operation, hex(operation))
        proxy.before(name)
        proxy.requests[name] += 1
    return data

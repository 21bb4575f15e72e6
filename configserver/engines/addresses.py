"""Where the name of a server leads, found within a time limit, which the resolver of the system does not have."""

import socket
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Address:
    """What a socket of this family connects to."""

    family: int
    target: Any

    @property
    def host(self) -> str:
        """The number, as people write it."""
        return str(self.target[0])


def addresses_of(host: str, port: int, *, kind: socket.SocketKind, within: float) -> list[Address]:
    """The addresses of a host, best first, in at most `within` seconds. Raises OSError: there is none, or none was found in time."""
    try:
        return _look_up(host, port, kind, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # no number but a name
    found: Future[list[Address]] = Future()

    def look_up() -> None:
        try:
            found.set_result(_look_up(host, port, kind, 0))
        except (OSError, UnicodeError) as error:
            found.set_exception(OSError(str(error)))

    # Left behind when the time is over: nothing can stop it, and it ends when the resolver gives up.
    Thread(target=look_up, name="look-up", daemon=True).start()
    return found.result(timeout=max(within, 0))


def _look_up(host: str, port: int, kind: socket.SocketKind, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=kind, flags=flags)
    return [Address(family=family, target=target) for family, _kind, _protocol, _name, target in found]

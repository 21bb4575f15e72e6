"""Where the name of a server leads, found within a time limit, which the resolver of the system does not have."""

import ipaddress
import socket
import time
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

KEPT_SECONDS = 30.0  # so that not every sign-in waits for the resolver, and hardly anybody for one that hangs
MOST_KEPT = 256


@dataclass(frozen=True, kw_only=True)
class Address:
    """What a socket of this family connects to."""

    family: int
    target: Any

    @property
    def host(self) -> str:
        """The number, as people write it."""
        return str(self.target[0])


_Name = tuple[str, int, socket.SocketKind]
_lock = Lock()
_kept: dict[_Name, tuple[float, list[Address]]] = {}
_asked: dict[_Name, Future[list[Address]]] = {}


def addresses_of(host: str, port: int, *, kind: socket.SocketKind, within: float) -> list[Address]:
    """The addresses of a host, best first, in at most `within` seconds. Raises OSError: there is none, or none was found in time."""
    try:
        return _look_up(host, port, kind, socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        pass  # no number but a name
    name = (host, port, kind)
    with _lock:
        until, found = _kept.get(name, (0.0, []))
        if until > time.monotonic():
            return found
        answer = _asked.get(name)
        if answer is None:
            # Left behind when the time is over: nothing can stop it, and it ends when the resolver gives up. One for a name, no more.
            answer = _asked[name] = Future()
            Thread(target=_ask, args=(name, answer), name="look-up", daemon=True).start()
    return answer.result(timeout=max(within, 0))


def is_loopback(host: str) -> bool:
    """Whether it is this very machine, by its number or its usual name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _ask(name: _Name, answer: Future[list[Address]]) -> None:
    found, trouble = list[Address](), OSError("the name has no address")
    try:
        found = _look_up(*name, 0)
    except (OSError, UnicodeError) as error:
        trouble = OSError(str(error))
    with _lock:
        _asked.pop(name)
        if found:
            if len(_kept) >= MOST_KEPT:
                _kept.clear()
            _kept[name] = (time.monotonic() + KEPT_SECONDS, found)
    if found:
        answer.set_result(found)
    else:
        answer.set_exception(trouble)


def _look_up(host: str, port: int, kind: socket.SocketKind, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=kind, flags=flags)
    return [Address(family=family, target=target) for family, _kind, _protocol, _name, target in found]

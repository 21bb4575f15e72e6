"""The addresses of a host. The system's resolver knows no time limit of ours, so it is asked by a thread that nobody has to wait for."""

import ipaddress
import socket
import time
from concurrent.futures import Future
from threading import Lock, Thread

from configserver.engines.deadline import Deadline

KEPT_SECONDS = 60.0
MOST_KEPT = 256

_lock = Lock()
_kept: dict[str, tuple[float, tuple[str, ...]]] = {}
_asked: dict[str, Future[tuple[str, ...]]] = {}  # one thread for a name, however many wait


def is_address(host: str) -> bool:
    """Whether it is an IP address, which needs no look-up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether it is this very machine, by its address or its usual name."""
    return ipaddress.ip_address(host).is_loopback if is_address(host) else host.lower() == "localhost"


def addresses_of(host: str, *, deadline: Deadline) -> tuple[str, ...]:
    """Its IP addresses in the order of the system. Raises OSError where there are none, TimeoutError when nobody tells in time."""
    if is_address(host):
        return (host,)
    with _lock:
        until, found = _kept.get(host, (0.0, ()))
        if until > time.monotonic():
            return found
        answer = _asked.get(host)
        if answer is None:
            answer = _asked[host] = Future()
            Thread(target=_ask, args=(host, answer), name="resolve", daemon=True).start()
    return answer.result(deadline.patience())


def _ask(host: str, answer: Future[tuple[str, ...]]) -> None:
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found = tuple(dict.fromkeys(str(info[4][0]) for info in infos))
    except (OSError, UnicodeError) as error:  # a label that is too long is a UnicodeError
        _end(host)
        answer.set_exception(OSError(str(error)))
    else:
        _end(host, found)
        answer.set_result(found)


def _end(host: str, found: tuple[str, ...] = ()) -> None:
    with _lock:
        _asked.pop(host, None)
        if found:
            if len(_kept) >= MOST_KEPT:
                _kept.clear()
            _kept[host] = (time.monotonic() + KEPT_SECONDS, found)

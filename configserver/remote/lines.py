"""Connections to the servers of a remote Configuration Server: kept open between calls, for a handshake costs more than most of them."""

import socket
import time
from collections import deque
from dataclasses import dataclass
from threading import Lock
from urllib.parse import urlsplit

from core.addresses import addresses_of
from core.deadline import Deadline
from core.exchange import Answer, Asking, connected, exchanged
from core.tls import context_of

FRESH_SECONDS = 15.0  # less than servers leave an idle connection open
MOST_TRIED = 3  # addresses of one name
MOST_IDLE = 32


class NotAskedError(OSError):
    """No connection came about, for the reason behind it."""


@dataclass(frozen=True)
class _Line:
    socket: socket.socket
    used_at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.used_at < FRESH_SECONDS


class Lines:
    """Those to one server."""

    def __init__(self, url: str, *, authorities: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self.name = parts.netloc
        self._authorities = authorities
        self._lock = Lock()
        self._idle: deque[_Line] = deque()

    def ask(self, asking: Asking, *, connect: Deadline, anew: bool) -> Answer:
        """Ask over a connection that nobody uses, or (always with `anew`) over a new one. Raises what `core.exchange` raises.

        `NotAskedError` where no connection came about, so nothing was said over there.
        """
        line = None if anew else self._take()
        if line is None:
            try:
                line = self._opened(connect)
            except OSError as error:
                raise NotAskedError from error
        try:
            answer = exchanged(line, asking)
        except BaseException:
            line.close()
            raise
        self._give(line, answer)
        return answer

    def end(self) -> None:
        """Close those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for one in idle:
            one.socket.close()

    def _take(self) -> socket.socket | None:
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None or line.is_fresh:
                return line.socket if line is not None else None
            line.socket.close()

    def _give(self, line: socket.socket, answer: Answer) -> None:
        with self._lock:
            if not answer.is_last and len(self._idle) < MOST_IDLE:
                self._idle.append(_Line(line, time.monotonic()))
                return
        line.close()

    def _opened(self, deadline: Deadline) -> socket.socket:
        found = addresses_of(self._host, self._port, kind=socket.SOCK_STREAM, within=deadline.patience())
        context = context_of(self._authorities)
        return connected(found[:MOST_TRIED], host=self._host, context=context, deadline=deadline)

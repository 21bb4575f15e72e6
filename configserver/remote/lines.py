"""Connections to the servers of a remote Configuration Server: kept open between calls, for a handshake costs more than most of them."""

import select
import socket
import ssl
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from threading import Lock
from urllib.parse import urlsplit

from core.addresses import addresses_of
from core.deadline import Deadline
from core.exchange import Answer, Asking, connected, exchanged
from core.tls import context_of

FRESH_SECONDS = 15.0  # less than servers leave an idle connection open
MOST_TRIED = 3  # addresses of one name
MOST_IDLE = 32


# What a connection looks like that was closed over there.
BROKEN = (ConnectionError, HTTPException, ssl.SSLError)


class NotAskedError(OSError):
    """No connection came about, for the reason behind it."""


@dataclass(frozen=True)
class _Line:
    socket: socket.socket
    used_at: float

    @property
    def is_usable(self) -> bool:
        """Whether it is fresh and silent: what comes unasked is its end, or an answer that the next one to ask would take for his."""
        if time.monotonic() - self.used_at >= FRESH_SECONDS:
            return False
        heard, _writable, _failed = select.select([self.socket], [], [], 0)
        return not heard and not self._holds_more()

    def _holds_more(self) -> bool:
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0


class Lines:
    """Those to one server."""

    def __init__(self, url: str, *, authorities: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self.name = parts.netloc
        self._authorities = authorities
        self._lock = Lock()
        self._idle: deque[_Line] = deque()

    def ask(self, asking: Asking, *, connect: Deadline, repeats: bool) -> Answer:
        """Ask over a connection that nobody uses, else over a new one. Raises what `core.exchange` raises.

        `NotAskedError` where no connection came about, so nothing was said over there. One that was kept may have been closed over there
        meanwhile: then a new one is tried; what must not be heard twice takes a new one from the start.
        """
        if repeats and (kept := self._take()) is not None:
            with suppress(*BROKEN):
                return self._exchanged(kept, asking)
        try:
            line = self._opened(connect)
        except OSError as error:
            raise NotAskedError from error
        return self._exchanged(line, asking)

    def _exchanged(self, line: socket.socket, asking: Asking) -> Answer:
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
            if line is None or line.is_usable:
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

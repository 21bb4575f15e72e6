"""One request over a connection that is there, and its answer; every wait ends at the deadline, and no answer is larger than agreed.

A library's limit for each read lets a server that sends a byte a second hold a thread for ever.
"""

import io
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import BadStatusLine, HTTPConnection
from typing import Any

from core.addresses import Address
from core.deadline import Deadline
from core.tls import wrapped

MOST_HEAD = 16_384  # bytes of an answer beyond its body
PART = 16_384  # bytes read at once


class TooLargeError(Exception):
    """The answer is larger than agreed."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, whatever its status; a redirect is an answer like any other."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)  # by their names in small letters
    is_last: bool = True  # the other side closes the connection after it


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What is asked of the other side, until when, and how many bytes it may say."""

    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]
    deadline: Deadline
    most: int


def connected(
    found: Sequence[Address], *, host: str, context: ssl.SSLContext | None, deadline: Deadline
) -> socket.socket:
    """A connection to the first of these addresses that takes one, with TLS for this host unless there is no context. Raises OSError.

    Those before it do not use up the time of the others.
    """
    for left, address in zip(range(len(found), 0, -1), found, strict=True):
        plain = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            plain.settimeout(deadline.patience() / left)
            plain.connect(address.target)
        except OSError:
            plain.close()
            if left == 1:
                raise
            continue
        if context is None:
            return plain
        try:
            return wrapped(plain, host=host, context=context, timeout=deadline.patience())
        except (OSError, ValueError):
            plain.close()
            raise
    raise OSError("there is no address")


def exchanged(line: socket.socket, asking: Asking) -> Answer:
    """Ask, and read the answer. Raises OSError, http.client.HTTPException, ValueError and TooLargeError."""
    talk = HTTPConnection(
        "localhost"
    )  # it only writes and reads; where to is what `line` and the Host header say
    talk.sock = _Bounded(line, asking.deadline, most=asking.most + MOST_HEAD)
    usual = {"Accept-Encoding": "identity"}
    talk.request(asking.method, asking.path, asking.body, headers={**usual, **asking.headers})
    answer = talk.getresponse()
    if answer.status < HTTPStatus.OK:
        raise BadStatusLine(str(answer.status))  # an interim answer, and the real one is still to come
    read = bytearray()
    # In parts: asked for all at once, memory is set aside for whatever length the other side claims.
    while part := answer.read(PART):
        read += part
        if len(read) > asking.most:
            raise TooLargeError
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(status=answer.status, body=bytes(read), headers=headers, is_last=answer.will_close)


class _Bounded:
    """What `http.client` needs of a socket; every wait ends at the deadline, and no more than so many bytes are read."""

    def __init__(self, connected: socket.socket, deadline: Deadline, *, most: int) -> None:
        self._socket, self._deadline, self._left = connected, deadline, most

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._deadline.patience())
        self._socket.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Whoever connected closes it: an answer is still read after `http.client` has closed its side."""

    def take(self, into: Any) -> int:
        self._socket.settimeout(self._deadline.patience())
        size = self._socket.recv_into(into)
        self._left -= size
        if self._left < 0:
            raise TooLargeError
        return size


class _Incoming(io.RawIOBase):
    def __init__(self, source: _Bounded) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        return self._source.take(into)

"""Clients that take their time: they send half of a body, or never read what they asked for."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from bench.client import HOST


@contextmanager
def slow_senders(count: int, *, port: int) -> Iterator[None]:
    """So many connections, each in the middle of a body that does not go on."""
    half = (
        f"POST /api/v1/login/ HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
        'Content-Length: 60\r\n\r\n{"username": "coded'
    )
    with _held(count, half.encode(), port=port):
        yield


@contextmanager
def slow_readers(count: int, *, port: int, path: str) -> Iterator[None]:
    """So many connections, each with a large answer under way that nobody takes."""
    ask = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n"
    with _held(count, ask.encode(), port=port):
        yield


@contextmanager
def _held(count: int, first: bytes, *, port: int) -> Iterator[None]:
    opened = []
    try:
        for _ in range(count):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(2)
            one.connect((HOST, port))
            one.sendall(first)
            opened.append(one)
        yield
    finally:
        for one in opened:
            one.close()

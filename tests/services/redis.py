"""A Redis server of one's own, in memory."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.services import free_port, needed
from tests.services.processes import freeze, thaw


class Redis:
    """A server that can be killed, started again on its port, and hung."""

    def __init__(self, *, port: int = 0) -> None:
        self._program, self._port = needed("redis-server", package="redis-server"), port or free_port()
        self.start()

    @property
    def url(self) -> str:
        """The REDIS_URL."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._server = subprocess.Popen(
            [self._program, "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)

    def stop(self) -> None:
        """Stop in order."""
        self._server.terminate()
        self._server.wait(10)

    def kill(self) -> None:
        """End it without warning."""
        self._server.kill()
        self._server.wait(10)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Meanwhile connections are accepted and nothing is ever answered."""
        stopped = freeze(self._server.pid)
        try:
            yield
        finally:
            thaw(stopped)


@contextmanager
def redis_machine(*, port: int = 0) -> Iterator[Redis]:
    """A fresh server."""
    server = Redis(port=port)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_server(*, port: int = 0) -> Iterator[str]:
    """The REDIS_URL of a fresh server."""
    with redis_machine(port=port) as server:
        yield server.url

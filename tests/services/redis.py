"""A Redis server of one's own, in memory."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.services import free_port, needed


@contextmanager
def redis_server(*, port: int = 0) -> Iterator[str]:
    """The REDIS_URL of a fresh server."""
    program, port = needed("redis-server", package="redis-server"), port or free_port()
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_until_ready(url)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 10
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

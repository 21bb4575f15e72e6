"""A Redis server of one's own, in memory."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import redis

from tests.services import free_port, needed
from tests.services.certificates import Certificate
from tests.services.processes import Running


class Redis(Running):
    """A server that can be killed, started again on its port, and hung."""

    def __init__(self, *, port: int = 0, tls: Certificate | None = None, password: str = "") -> None:
        program, self._port = needed("redis-server", package="redis-server"), port or free_port()
        self._tls, self._password = tls, password
        self._command = [str(program), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._command += ["--tls-port" if tls else "--port", str(self._port)]
        if tls:
            self._command += [
                "--port",
                "0",
                "--tls-auth-clients",
                "no",
                "--tls-ca-cert-file",
                str(tls.authority),
            ]
            self._command += ["--tls-cert-file", str(tls.certificate), "--tls-key-file", str(tls.key)]
        if password:
            self._command += ["--user", "default", "off"]
            self._command += ["--user", "gatehouse", "on", f">{password}", "~*", "&*", "+@all"]
        self.start()

    @property
    def url(self) -> str:
        """The REDIS_URL."""
        name = f"gatehouse:{quote(self._password, safe='')}@" if self._password else ""
        if self._tls is None:
            return f"redis://{name}127.0.0.1:{self._port}/0"
        return f"rediss://{name}localhost:{self._port}/0?ssl_ca_certs={self._tls.authority}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._server = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
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


@contextmanager
def redis_machine(*, port: int = 0, tls: Certificate | None = None, password: str = "") -> Iterator[Redis]:
    """A fresh server; with `password` only the user gatehouse gets in, with `tls` nothing travels in clear."""
    server = Redis(port=port, tls=tls, password=password)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_server(*, port: int = 0) -> Iterator[str]:
    """The REDIS_URL of a fresh server."""
    with redis_machine(port=port) as server:
        yield server.url

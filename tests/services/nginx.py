"""The nginx of deploy/nginx.conf, on ports of its own: only what an operator changes is changed."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import free_port, needed
from tests.services.certificates import Certificate

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True, kw_only=True)
class Front:
    """A running nginx."""

    host: str
    port: int
    port_in_clear: int
    folder: Path

    @property
    def log(self) -> str:
        """Its access log."""
        return (self.folder / "access.log").read_text()


@contextmanager
def nginx(folder: Path, tls: Certificate, *, host: str, nodes: Sequence[int]) -> Iterator[Front]:
    """An nginx for this host in front of the web nodes on these ports."""
    program = needed("nginx", package="nginx-light")
    front = Front(host=host, port=free_port(), port_in_clear=free_port(), folder=folder)
    file = folder / "nginx.conf"
    file.write_text(_adapted(CONFIGURATION.read_text(), front, tls, nodes))
    server = subprocess.Popen(
        [program, "-e", folder / "error.log", "-p", folder, "-c", file, "-g", "daemon off;"]
    )
    try:
        _wait_until_ready(front)
        yield front
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def _adapted(text: str, front: Front, tls: Certificate, nodes: Sequence[int]) -> str:
    places = "".join(rf"server 127.0.0.1:{port} \1; " for port in nodes)
    changes = (
        # Nobody else can get to the folder; who is not root cannot choose.
        (r"^user .*", "user root;" if os.geteuid() == 0 else ""),
        (r"^pid .*", f"pid {front.folder}/nginx.pid;"),
        (r"/var/log/nginx/", f"{front.folder}/"),
        (r"/var/cache/", f"{front.folder}/"),
        (r"^ *listen \[::\].*\n", ""),
        (r"listen 80\b", f"listen 127.0.0.1:{front.port_in_clear}"),
        (r"listen 443\b", f"listen 127.0.0.1:{front.port}"),
        (r"server web1:8000 ([^;]*);.*", places),
        (r"server web2:8000.*", ""),
        (r"portal\.example\.com", front.host),
        (r"ssl_certificate .*", f"ssl_certificate {tls.certificate};"),
        (r"ssl_certificate_key .*", f"ssl_certificate_key {tls.key};"),
        (r"^http \{", "http {\n" + "".join(f"{one}_temp_path {front.folder}/{one};\n" for one in TEMPORARY)),
    )
    for pattern, replacement in changes:
        text, times = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert times, f"{pattern} is no more in {CONFIGURATION.name}"
    return text


def _wait_until_ready(front: Front) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", front.port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)

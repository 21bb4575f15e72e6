"""Other ways to serve the same product, to hold ours beside; none of them is part of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection

from tests.services import free_port

WORKERS, THREADS = 2, 8
_PYTHON = [sys.executable, "-m"]
_GRANIAN = [
    *_PYTHON, "granian", "--host", "127.0.0.1", "--workers", str(WORKERS), "--no-ws", "--log-level", "error", "--http", "1",
    "--interface",
]  # fmt: skip
_OURS = ["asginl", "portal.asgi:application", "--loop"]

# The name -> the command; the port is added to it.
COMMANDS: Mapping[str, list[str]] = {
    "granian-asgi": [*_GRANIAN, *_OURS, "asyncio", "--port"],
    "granian-asgi-uvloop": [*_GRANIAN, *_OURS, "uvloop", "--port"],
    "granian-wsgi": [*_GRANIAN, "wsgi", "portal.wsgi:application", "--blocking-threads", str(THREADS), "--port"],
    "gunicorn-gthread": [
        *_PYTHON, "gunicorn", "portal.wsgi:application", "--worker-class", "gthread", "--workers", str(WORKERS), "--threads", str(THREADS),
        "--keep-alive", "5", "--log-level", "error", "--forwarded-allow-ips", "", "--bind",
    ],
    "uvicorn-asgi": [
        *_PYTHON, "uvicorn", "portal.asgi:application", "--workers", str(WORKERS), "--log-level", "error", "--no-access-log",
        "--no-proxy-headers", "--ws", "none", "--port",
    ],
}  # fmt: skip


def answers(port: int, path: str) -> bool:
    """Whether somebody is there who answers this with 200."""
    door = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        door.request("GET", path)
        return door.getresponse().status == 200
    except OSError:
        return False
    finally:
        door.close()


@contextmanager
def serving(name: str, environment: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """The product behind this server: its process and its port."""
    port = free_port()
    command = COMMANDS[name]
    where = f"127.0.0.1:{port}" if command[-1] == "--bind" else str(port)
    process = subprocess.Popen(
        [*command, where],
        env={**os.environ, **environment, "PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{environment['PORT']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not answers(port, "/livez"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start: {' '.join(command)}")
            time.sleep(0.05)
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the group that it began itself

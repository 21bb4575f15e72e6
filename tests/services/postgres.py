"""A PostgreSQL server of one's own: as fast as it goes, unless what is on it shall outlive something."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import free_port, missing
from tests.services.processes import descendants, freeze, thaw


class Postgres:
    """A server that can be stopped, started again on its port, and hung.

    With `durable` what was committed survives a stop without warning, though not a crash of the machine; with `synced` that too.
    """

    def __init__(self, folder: Path, *, durable: bool, synced: bool = False) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        self._programs = found[-1].parent if found else Path(missing("postgresql"))
        self._port = free_port()
        self._how: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "cwd": folder,
        }
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._how |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        data = folder / "data"
        subprocess.run(
            [self._programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--locale=C.UTF-8", "--no-sync"],
            check=True, **self._how,
        )  # fmt: skip
        off = [] if synced else ["fsync", "full_page_writes", *([] if durable else ["synchronous_commit"])]
        self._command = [
            self._programs / "postgres", "-D", data, "-p", str(self._port), "-k", folder, "-clisten_addresses=127.0.0.1",
            *[f"-c{name}=off" for name in off],
        ]  # fmt: skip
        self.start()

    @property
    def url(self) -> str:
        """The DATABASE_URL."""
        return f"postgres://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._server = subprocess.Popen(self._command, **self._how)
        deadline = time.monotonic() + 15
        ready = [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(ready, check=False).returncode:
            if time.monotonic() > deadline:
                raise TimeoutError("PostgreSQL did not start")
            time.sleep(0.03)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop; `immediate` is without warning, as when it is killed."""
        self._server.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self._server.wait(10)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Meanwhile connections are accepted and nothing is ever answered."""
        stopped = freeze(self._server.pid, *descendants(self._server.pid))
        try:
            yield
        finally:
            thaw(stopped)


@contextmanager
def postgres(*, durable: bool = False, synced: bool = False) -> Iterator[Postgres]:
    """A fresh server."""
    folder = Path(tempfile.mkdtemp(prefix="ghpg", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    server = Postgres(folder, durable=durable, synced=synced)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The DATABASE_URL of a fresh server."""
    with postgres() as server:
        yield server.url

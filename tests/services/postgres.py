"""A PostgreSQL server of one's own, as fast as it goes: nothing on it is worth keeping."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import free_port, missing


@contextmanager
def postgres_server() -> Iterator[str]:
    """The DATABASE_URL of a fresh server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    programs = found[-1].parent if found else Path(missing("postgresql"))
    folder = Path(tempfile.mkdtemp(prefix="ghpg", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    port = free_port()
    as_owner: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--locale=C.UTF-8", "--no-sync"],
        check=True, **quiet, **as_owner,
    )  # fmt: skip
    fast = [f"-c{name}=off" for name in ("fsync", "full_page_writes", "synchronous_commit")]
    server = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-clisten_addresses=127.0.0.1", *fast],
        **quiet, **as_owner,
    )  # fmt: skip
    try:
        _wait_until_ready(programs, port)
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(2)  # SIGINT: fast shutdown
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(programs: Path, port: int) -> None:
    deadline = time.monotonic() + 15
    while subprocess.run(
        [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False
    ).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL did not start")
        time.sleep(0.03)

"""What is measured: the whole product as its own processes, with the database and the queue that it works on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import redis

from bench.mailbox import Mailbox
from bench.procstat import cpu_ms, serving, snapshot
from tests.services.postgres import postgres
from tests.services.product import Product, running_product
from tests.services.redis import redis_server

ROOT = Path(__file__).parents[1]
PEOPLE = 1_500
OWN = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


def forget_environment() -> None:
    """Let no setting of the shell into the products that are measured."""
    for name in set(os.environ) - set(OWN):
        del os.environ[name]


@dataclass
class Backing:
    """The servers beside the product: none for SQLite."""

    name: str
    version: str
    environment: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list[int]] = field(default_factory=dict)
    _databases: int = 0

    def own_database(self) -> dict[str, str]:
        """The environment of one more product: a database that no other one uses, and a queue."""
        if self.name == "sqlite":
            return {}
        self._databases += 1
        name = f"bench{self._databases}"
        base = self.environment["DATABASE_URL"]
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type,unused-ignore]
        queue = self.environment["REDIS_URL"].rpartition("/")[0]
        return {
            "DATABASE_URL": base.rpartition("/")[0] + f"/{name}",
            "REDIS_URL": f"{queue}/{self._databases}",
        }


def missing(name: str) -> str:
    """What would have to be installed to measure on this database; empty when nothing is."""
    if name == "sqlite":
        return ""
    has_postgres = any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    packages = {"postgresql": has_postgres, "redis-server": shutil.which("redis-server")}
    return ", ".join(package for package, found in packages.items() if not found)


@contextmanager
def backing(name: str) -> Iterator[Backing]:
    """SQLite, or a PostgreSQL and a Redis server of the bench's own."""
    if name == "sqlite":
        import sqlite3

        yield Backing(name=name, version=f"SQLite {sqlite3.sqlite_version}")
        return
    with postgres(synced=True) as machine, redis_server() as queue:
        with psycopg.connect(machine.url) as connection:
            server = snapshot()[connection.info.backend_pid].parent
            version = connection.info.server_version
        with redis.Redis.from_url(queue) as client:
            facts: Any = client.info("server")
        yield Backing(
            name=name,
            version=f"PostgreSQL {version // 10_000}.{version % 10_000}, Redis {facts['redis_version']}",
            environment={"DATABASE_URL": machine.url, "REDIS_URL": queue},
            groups={"database": [server], "queue": [int(facts["process_id"])]},
        )


@dataclass
class Server:
    """One running product and where its CPU time is counted."""

    product: Product
    backing: Backing
    environment: dict[str, str]
    # Process and port of another server in front of the same product.
    served_by: tuple[int, int] | None = None

    @property
    def database_url(self) -> str:
        """Its database; empty for SQLite."""
        return self.environment.get("DATABASE_URL", "")

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.served_by[1] if self.served_by else self.product.port

    @property
    def groups(self) -> dict[str, list[int]]:
        """The process trees, by part: web, worker (with the clock), database, queue."""
        web, *others = self.product.children()
        web = self.served_by[0] if self.served_by else web
        return {"web": [web], "worker": others, **self.backing.groups}

    def used_ms(self) -> dict[str, float]:
        """The CPU milliseconds of each part so far; what the database does for the worker is the worker's part."""
        processes, groups = snapshot(), self.groups
        used = cpu_ms(groups, look=lambda: processes)
        for postmaster in groups.get("database", ()):
            theirs = serving(postmaster, groups["worker"], processes)
            used["database"] -= theirs
            used["database of the worker"] = theirs
        return used

    def tidy(self) -> None:
        """What PostgreSQL would do by itself a minute after many rows came: in the middle of a measurement."""
        if self.database_url:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")

    def ask_people(self, what: str, *arguments: int | str) -> dict[str, Any]:
        """Run `bench.people` in the product's environment."""
        program = [sys.executable, "-m", "bench.people", what, *(str(one) for one in arguments)]
        done = subprocess.run(
            program, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True
        )
        made: dict[str, Any] = json.loads(done.stdout)
        return made


@contextmanager
def product(
    on: Backing, box: Mailbox, *, settings: str = "bench.settings", people: int = PEOPLE
) -> Iterator[Server]:
    """The product on a database of its own, filled with people."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="gatehouse-bench-")))
        given = {
            "DJANGO_SETTINGS_MODULE": settings,
            "EMAIL_URL": box.url,
            "TRUSTED_PROXIES": "127.0.0.1/32",
            "LOG_LEVEL": "WARNING",
            **on.own_database(),
        }
        running = stack.enter_context(running_product(folder, **given))
        environment = (
            dict(os.environ) | {"DATA_DIR": str(folder), "PORT": str(running.port), "DEMO": "1"} | given
        )
        server = Server(product=running, backing=on, environment=environment)
        server.ask_people("people", people)
        server.tidy()
        yield server

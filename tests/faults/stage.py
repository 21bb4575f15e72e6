"""The product with PostgreSQL, Redis and a mail server, each of which can be taken away."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.faults.load import Load, ask
from tests.services.postgres import Postgres, postgres
from tests.services.processes import children
from tests.services.product import ROOT, Product, running_product
from tests.services.redis import Redis, redis_machine
from tests.services.smtp import Mailbox, smtp_server

PEOPLE = 1_500
LEASE_SECONDS = 60
PASSWORD = "a lantern in the harbour 7"


@dataclass
class Stage:
    """What is up."""

    product: Product
    database: Postgres
    redis: Redis
    box: Mailbox
    load: Load
    environment: dict[str, str]  # with which the product runs

    def service(self, name: str) -> int:
        """The process id of one of the services of `serve`; 0 while it is not there."""
        for pid in children(self.product.process.pid):
            with suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                    return pid
        return 0

    def kill_group(self, name: str) -> None:
        """End a service and all that is below it, without warning."""
        os.killpg(self.service(name), signal.SIGKILL)

    def answers(self) -> bool:
        """Whether a sign-in can begin."""
        return ask(self.product.port, "/api/v1/login/", {"username": "nobody@crowd.example"}).status == 201

    def in_hand(self, *, older: float) -> int:
        """How many messages a worker has leased so many seconds ago and not sent yet."""
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT count(*) FROM delivery_delivery "
                "WHERE state = 'leased' AND next_try_at < now() + make_interval(secs => %s)",
                [LEASE_SECONDS - older],
            ).fetchone()
        return found[0] if found else 0

    def end_leases(self, *, older: float = 5) -> int:
        """Let the time of every lease that is so many seconds old be over, as a minute's wait would; how many there were."""
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            return connection.execute(
                "UPDATE delivery_delivery SET next_try_at = now() "
                "WHERE state = 'leased' AND next_try_at < now() + make_interval(secs => %s)",
                [LEASE_SECONDS - older],
            ).rowcount

    def run(self, module: str, *arguments: str) -> str:
        """What a program prints that is run with the product's own settings."""
        environment = (
            os.environ
            | self.environment
            | {"DATA_DIR": str(self.product.folder)}
            | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
        )
        for name in ("SECRET_KEY", "FIELD_KEYS"):
            environment.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def findings(self) -> list[str]:
        """What contradicts itself in the tables."""
        return self.run("tests.faults.invariants").splitlines()


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Everything up, with a crowd of people."""
    with postgres(durable=True) as database, redis_machine() as redis, smtp_server() as box:
        environment = {
            "DATABASE_URL": database.url,
            "REDIS_URL": redis.url,
            "EMAIL_URL": box.url,
            "TRUSTED_PROXIES": "127.0.0.1/32",
        }
        with running_product(folder, **environment) as product:
            stage = Stage(product, database, redis, box, Load(product.port, PASSWORD), environment)
            stage.run("tests.faults.people", str(PEOPLE), PASSWORD)
            yield stage

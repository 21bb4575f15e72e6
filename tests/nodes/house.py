"""An installation of several nodes: two web nodes behind nginx, a third with worker and clock, on one PostgreSQL and one Redis."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path
from typing import Any

import psycopg

from tests.nodes.visitor import Visitor
from tests.services.certificates import Certificate
from tests.services.nginx import Front, nginx
from tests.services.postgres import Postgres, postgres
from tests.services.processes import descendants
from tests.services.product import ROOT, Product, launched, wait_until_up
from tests.services.redis import redis_machine
from tests.services.secured import secure
from tests.services.smtp import code_in
from tests.waiting import until

HOST = "portal.example.com"
DATABASE_PASSWORD = "d@ta/b:a#s?e%+1"
REDIS_PASSWORD = "r@e/d:i#s?%+1"


@dataclass(frozen=True, kw_only=True)
class House:
    """All of it, running."""

    a: Product
    b: Product
    work: Product
    front: Front
    tls: Certificate
    database: Postgres
    environment: dict[str, str]

    def visitor(self, address: str = "127.0.0.5") -> Visitor:
        """Somebody at this address."""
        return Visitor(front=self.front, tls=self.tls, address=address)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the database holds."""
        url = self.database.url.rpartition("/")[0] + "/gatehouse"
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(query, parameters).fetchall()  # type: ignore[arg-type]

    def codes(self, address: str) -> list[str]:
        """Every code that was mailed there, oldest first."""
        found = []
        for file in self.work.mails():
            mail = message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=modern)
            if mail["To"] == address and (code := code_in(mail)):
                found.append(code)
        return found

    def next_code(self, address: str, *, after: int) -> str:
        """The code that arrives once there were `after` of them."""
        until(lambda: len(self.codes(address)) > after, seconds=10)
        return self.codes(address)[-1]


def connections_of(pid: int, *, port: int) -> int:
    """How many connections this very process has to a port of this machine."""
    ours = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            ours.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # closed meanwhile
    found = 0
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            parts = line.split()
            remote, state, inode = parts[2], parts[3], parts[9]
            found += (
                state == "01" and int(remote.rpartition(":")[2], 16) == port and f"socket:[{inode}]" in ours
            )
    return found


def kill(product: Product) -> None:
    """End it and everything below it without warning, as when its machine loses power."""
    for pid in [product.process.pid, *descendants(product.process.pid)]:
        os.kill(pid, 9)
    product.process.wait(10)


@contextmanager
def running_house(folder: Path) -> Iterator[House]:
    """The installation, with its people; both web nodes began at the same moment on an empty database."""
    for name in ("a", "b", "work", "nginx", "servers"):
        (folder / name).mkdir()
    tls = Certificate.make(folder / "servers")
    outside = Certificate.make(folder / "nginx", hosts=(HOST,))
    subprocess.run([sys.executable, "-m", "portal.keys", folder / "a"], cwd=ROOT, check=True)
    for name in ("b", "work"):
        shutil.copy(folder / "a" / "keys.env", folder / name / "keys.env")
    with ExitStack() as stack:
        database = stack.enter_context(postgres())
        redis = stack.enter_context(redis_machine(tls=tls, password=REDIS_PASSWORD))
        environment = {
            "DATABASE_URL": secure(database, tls, password=DATABASE_PASSWORD),
            "REDIS_URL": redis.url,
            "PUBLIC_URL": f"https://{HOST}",
            "TRUSTED_PROXIES": "127.0.0.1/32",
        }
        web = ("--only", "web", "--workers", "1")
        a, b = (stack.enter_context(launched(folder / one, *web, **environment)) for one in "ab")
        for node in (a, b):
            wait_until_up(node)
        both = ("--only", "worker", "--only", "clock")
        work = stack.enter_context(launched(folder / "work", *both, **environment))
        subprocess.run(
            [sys.executable, "-m", "tests.nodes.people"],
            cwd=ROOT,
            env=os.environ
            | environment
            | {"DATA_DIR": str(a.folder), "DJANGO_SETTINGS_MODULE": "portal.settings"},
            check=True,
        )
        wait_until_up(work)
        front = stack.enter_context(nginx(folder / "nginx", outside, host=HOST, nodes=(a.port, b.port)))
        yield House(a=a, b=b, work=work, front=front, tls=outside, database=database, environment=environment)

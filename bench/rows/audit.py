"""The audit trail under twelve writers, and whether its chain holds after them."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from bench.report import Result
from bench.rows.base import POSTGRESQL, Bed
from bench.servers import ROOT
from tests.faults.writers import EVENTS, write_for

SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Writers:
    """Twelve writers in two processes for a minute."""

    name: str = "audit"
    databases: tuple[str, ...] = POSTGRESQL
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """Events a second, on a database of their own; the chain is verified behind them."""
        environment = bed.server().environment | bed.on.own_database()
        manage = [sys.executable, "manage.py"]
        subprocess.run(
            [*manage, "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True, capture_output=True
        )
        done = write_for(SECONDS, environment=environment)
        verdict = subprocess.run(
            [*manage, "audit", "verify"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        with psycopg.connect(environment["DATABASE_URL"]) as connection:
            row = connection.execute(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
            deadlocks = (row.fetchone() or [0])[0]
        holds = (
            "the chain verifies"
            if verdict.returncode == 0
            else f"THE CHAIN DOES NOT VERIFY: {verdict.stderr[-200:]}"
        )
        yield Result(
            row=self.name,
            what=f"audit events, 12 writers for {SECONDS:.0f} s",
            on=bed.on.name,
            value=done.rate * EVENTS,
            unit="/s",
            note=f"{done.commits} commits of {EVENTS} events, the slowest took {done.worst_ms:.0f} ms; {holds}; deadlocks: {deadlocks}",
            raw={"commits": done.commits, "seconds": done.seconds, "worst_ms": done.worst_ms, "verified": verdict.returncode == 0},
        )  # fmt: skip


ROWS = (Writers(),)

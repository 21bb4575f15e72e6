"""What the code of an authenticator app costs, and how many queued codes one worker sends."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import scenarios
from bench.report import Result
from bench.rows.base import BOTH, Bed
from bench.rows.load import SignIn, result
from bench.scenarios import Turns

APPS = 3_000  # more than sign in within the thirty seconds in which a person's code counts once
CHECKS = 2_000
QUEUED = 10_000
PATIENCE = 300.0


@dataclass(frozen=True, kw_only=True)
class Apps(SignIn):
    """Sign-ins whose second factor is the code of an app."""

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The figure, and the check alone: what it takes of the process beyond the request that it is part of."""
        server = bed.server()
        server.ask_people("apps", APPS)
        server.tidy()
        yield result(self, bed, self.figure(bed, server))
        told = server.ask_people("checks", CHECKS)
        yield Result(
            row=self.name,
            what="check of an app's code, beyond the request",
            on=bed.on.name,
            value=told["cpu_ms"],
            unit="CPU-ms",
            budget=1,
            note=f"of {CHECKS}, each with its seed opened, its step taken and two statements; a wrong one {told['wrong_cpu_ms']:.2f}",
            raw=told,
        )


@dataclass(frozen=True, kw_only=True)
class Drain:
    """How many codes that wait in the outbox one worker sends in a second."""

    name: str = "drain"
    databases: tuple[str, ...] = BOTH
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """From the first mail's arrival to the last one's; the mail server is this process."""
        server, before = bed.server(), bed.box.arrived
        used = server.used_ms()["worker"]
        server.ask_people("queue", QUEUED)
        began = time.perf_counter()
        while bed.box.arrived == before:
            _patient(began)
        first = time.perf_counter()
        while bed.box.arrived < before + QUEUED:
            _patient(began)
        seconds = time.perf_counter() - first
        cpu = (server.used_ms()["worker"] - used) / QUEUED
        yield Result(
            row=self.name,
            what=f"{QUEUED:,} queued codes by one worker to SMTP on this machine",
            on=bed.on.name,
            value=QUEUED / seconds,
            unit="/s",
            budget=200,
            at_least=True,
            note=f"in {seconds:.0f} s, {cpu:.1f} CPU-ms of the worker for each",
        )


def _patient(began: float) -> None:
    if time.perf_counter() - began > PATIENCE:
        raise RuntimeError("the queue was not emptied in time")
    time.sleep(0.02)


ROWS = (
    Apps(
        name="totp",
        databases=BOTH,
        what="sign-in by password and code of an app over REST, without the hash",
        operation=lambda _bed: scenarios.app_over_rest(Turns(APPS)),
        budget=12,
    ),
    Drain(),
)

"""Rows of the whole set of processes: its start, its memory, what it does when nobody asks anything, how soon a mail comes."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from bench import scenarios
from bench.client import load
from bench.doors import answers
from bench.measure import percentile
from bench.procstat import cpu_ms, pss_mib
from bench.report import Result
from bench.rows.base import BOTH, HASHED, PRODUCT, Bed
from bench.servers import ROOT
from tests.services import free_port

START_PATIENCE = 60.0


@contextmanager
def _started(environment: dict[str, str]) -> Iterator[tuple[float, float]]:
    """The product, from its command to the first page: the seconds that it took, and those of CPU time in all its processes."""
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(port, "/login/"):
            if process.poll() is not None or time.perf_counter() - began > START_PATIENCE:
                raise RuntimeError("the product did not start")
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        yield seconds, cpu_ms({"all": [process.pid]})["all"] / 1000
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


@dataclass(frozen=True, kw_only=True)
class Start:
    """From the command to the first page, on an empty and on a filled database, and what the imports alone cost."""

    name: str = "start"
    databases: tuple[str, ...] = BOTH
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """First start, three second starts, imports."""
        with TemporaryDirectory(prefix="gatehouse-bench-") as folder:
            environment = dict(os.environ) | {
                "DATA_DIR": folder,
                "DEMO": "1",
                "DJANGO_SETTINGS_MODULE": PRODUCT,
            }
            environment |= bed.on.own_database()
            subprocess.run(
                [sys.executable, "-m", "portal.keys", folder], cwd=ROOT, env=environment, check=True
            )
            with _started(environment) as first:
                pass
            later = []
            for _again in range(3):
                with _started(environment) as one:
                    later.append(one)
            yield _start("start to the first page, database empty", bed, [first])
            yield _start("start to the first page, again", bed, later)
            if bed.on.name == "sqlite":
                yield _imports(environment)


def _start(what: str, bed: Bed, taken: list[tuple[float, float]]) -> Result:
    seconds, cpu = (statistics.median(one[place] for one in taken) for place in (0, 1))
    return Result(
        row="start",
        what=what,
        on=bed.on.name,
        value=seconds,
        unit="s",
        budget=5,
        note=f"{cpu:.1f} CPU-s",
        raw={"seconds_and_cpu": taken},
    )


_IMPORT = """
import time, resource
import django; django.setup()
from django.urls import get_resolver
import portal.asgi, portal.celery, granian.server
get_resolver().url_patterns
used = resource.getrusage(resource.RUSAGE_SELF)
print((used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss / 1024)
"""


def _imports(environment: dict[str, str]) -> Result:
    runs = []
    for _again in range(3):
        told = subprocess.run(
            [sys.executable, "-c", _IMPORT], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        )  # fmt: skip
        runs.append(tuple(float(part) for part in told.stdout.split()))
    milliseconds, memory = sorted(runs)[1]
    return Result(
        row="start",
        what="imports of the web process",
        on="–",
        value=milliseconds,
        unit="CPU-ms",
        note=f"{memory:.0f} MiB resident after them",
        raw={"runs": runs},
    )


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory of the whole set after sign-ins, shared pages counted once."""

    name: str = "memory"
    databases: tuple[str, ...] = BOTH
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """All processes of the product; the servers beside it are told apart."""
        server = bed.server(HASHED)
        load(scenarios.code_over_rest(bed.turns, bed.box), port=server.port, clients=4, seconds=3)
        load(scenarios.get("/login/"), port=server.port, clients=4, seconds=1)
        whole = pss_mib({"all": [server.product.process.pid], **server.groups})
        total = whole.pop("all")
        beside = [f"{part} {whole[part]:.0f}" for part in ("database", "queue") if part in whole]
        yield Result(
            row=self.name,
            what="memory of the whole set (web, worker, clock)",
            on=bed.on.name,
            value=total,
            unit="MiB PSS",
            budget=350 if bed.on.name == "sqlite" else None,
            apart=", ".join(beside),
            note=f"web {whole['web']:.0f}, worker and clock {whole['worker']:.0f} MiB; after sign-ins with the hash",
            raw=whole,
        )


@dataclass(frozen=True, kw_only=True)
class Idle:
    """What the whole set uses when nobody asks anything."""

    name: str = "idle"
    databases: tuple[str, ...] = BOTH
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """CPU milliseconds a second, over six seconds: once and a bit round the worker's clock."""
        server = bed.server()
        before, began = server.used_ms(), time.perf_counter()
        time.sleep(6)
        seconds = time.perf_counter() - began
        used = {part: (ms - before[part]) / seconds for part, ms in server.used_ms().items()}
        yield Result(
            row=self.name,
            what="nobody asks anything",
            on=bed.on.name,
            value=sum(used.values()),
            unit="CPU-ms a second",
            note=", ".join(f"{part} {ms:.1f}" for part, ms in used.items()),
            raw=used,
        )


@dataclass(frozen=True, kw_only=True)
class Ready:
    """How long `/readyz` takes a lone client."""

    name: str = "readyz"
    databases: tuple[str, ...] = BOTH
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The 99th percentile of a second's worth of requests, one after another."""
        server = bed.server()
        load(scenarios.get("/readyz"), port=server.port, clients=1, seconds=0.3)
        done = load(scenarios.get("/readyz"), port=server.port, clients=1, seconds=1.5)
        yield Result(
            row=self.name,
            what="`GET /readyz`, 99th percentile",
            on=bed.on.name,
            value=percentile(done.latencies_ms, 99),
            unit="ms",
            budget=20,
            note=f"median {percentile(done.latencies_ms, 50):.1f} ms of {done.operations}",
            raw={"latencies_ms": done.latencies_ms},
        )


@dataclass(frozen=True, kw_only=True)
class Mail:
    """How long a lone person waits for the mailed code."""

    name: str = "mail"
    databases: tuple[str, ...] = BOTH
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """From the answer that asks for the code to the mail's arrival."""
        server = bed.server()
        operation = scenarios.code_over_rest(bed.turns, bed.box)
        load(operation, port=server.port, clients=1, seconds=0.5)
        bed.box.waits_ms.clear()
        load(operation, port=server.port, clients=1, seconds=4)
        waits = sorted(bed.box.waits_ms)
        yield Result(
            row=self.name,
            what="request to mail, median",
            on=bed.on.name,
            value=statistics.median(waits) / 1000,
            unit="s",
            budget=1,
            note=f"of {len(waits)}; the slowest {waits[-1] / 1000:.2f} s",
            raw={"waits_ms": waits},
        )


ROWS = (Start(), Memory(), Idle(), Ready(), Mail())

"""The same product behind other servers: what a request costs there, how long it takes, and what slow clients do to the rest."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import scenarios
from bench.client import Operation, load
from bench.doors import COMMANDS, serving
from bench.measure import Figure, Slice, one_slice, percentile
from bench.procstat import pss_mib
from bench.report import Result
from bench.rows.base import POSTGRESQL, Bed
from bench.rows.load import EMPTY, SERVED
from bench.servers import Server
from bench.slow import slow_readers, slow_senders

LOOK_SECONDS = 2.0
PATIENCE = 2.0


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Each server in turn, each slice beside the empty view of the product as it is."""

    name: str = "servers"
    databases: tuple[str, ...] = POSTGRESQL
    usual: bool = False

    def measure(self, bed: Bed) -> Iterator[Result]:
        """CPU, rate and latency of three operations, memory, and answers beside slow clients."""
        ours = bed.server()
        for name in COMMANDS:
            with serving(name, ours.environment) as (pid, port):
                yield from _of(name, bed, ours, replace(ours, served_by=(pid, port)))


def _of(name: str, bed: Bed, ours: Server, other: Server) -> Iterator[Result]:
    known = bed.sessions()
    operations: dict[str, tuple[Operation, int]] = {
        "empty view": (EMPTY, 4),
        "`me/`": (scenarios.me_by_token(known["access"]), 4),
        "sign-in": (scenarios.code_over_rest(bed.turns, bed.box), 4),
    }
    slices: dict[str, list[Slice]] = {what: [] for what in operations}
    controls: list[Slice] = []
    for number in range(bed.rounds + 1):
        control = _slice(ours, EMPTY, 4, 0.8)
        for what, (operation, clients) in operations.items():
            taken = _slice(other, operation, clients, bed.seconds)
            if number:  # the first round warms up
                slices[what].append(taken)
        if number:
            controls.append(control)
    for what, found in slices.items():
        figure = Figure(subject=found, control=controls)
        yield Result(
            row="servers",
            what=what,
            on=name,
            value=figure.cpu(*SERVED),
            unit="CPU-ms",
            control=figure.control_cpu,
            apart=f"p50 {figure.latency(50):.1f} ms, p99 {figure.latency(99):.1f} ms, {figure.rate:.0f}/s",
            note=f"FAILED {len(figure.failures)}: {figure.failures[0]}" if figure.failures else "",
            raw={"p50": figure.latency(50), "p99": figure.latency(99), "rate": figure.rate, "ratio": figure.ratio},
        )  # fmt: skip
    web = pss_mib({"web": [other.groups["web"][0]]})["web"]
    yield Result(row="servers", what="memory of the web", on=name, value=web, unit="MiB PSS")
    large = _large_file(ours)
    held: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "8 slow senders": lambda: slow_senders(8, port=other.port),
        "64 slow senders": lambda: slow_senders(64, port=other.port),
        "64 slow readers": lambda: slow_readers(64, port=other.port, path=large),
    }
    for what, hold in held.items():
        with hold():
            time.sleep(0.3)
            yield _beside(what, name, other)
        time.sleep(0.5)


def _slice(server: Server, operation: Operation, clients: int, seconds: float) -> Slice:
    return one_slice(operation, server=server, clients=clients, seconds=seconds)


def _large_file(server: Server) -> str:
    """The largest static file, as everybody may ask for it."""
    root = Path(server.environment["DATA_DIR"]) / "static"
    largest = max((path for path in root.rglob("*.js")), key=lambda path: path.stat().st_size)
    return f"/static/{largest.relative_to(root)}"


def _beside(what: str, name: str, server: Server) -> Result:
    """How long one quick client waits while the slow ones are there; the worst there is when nobody is answered."""
    done = load(EMPTY, port=server.port, clients=1, seconds=LOOK_SECONDS, patience=PATIENCE)
    waits = [*done.latencies_ms, *(PATIENCE * 1000 for _ in done.failures)]
    return Result(
        row="servers",
        what=what,
        on=name,
        value=percentile(waits, 99),
        unit="ms p99",
        note="NOBODY ELSE IS ANSWERED" if not done.operations else "",
        raw={"answers": done.operations, "failures": len(done.failures), "median": statistics.median(waits)},
    )


ROWS = (Servers(),)

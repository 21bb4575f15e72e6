"""Rows of operations that are repeated under load."""

import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from bench import machine, scenarios
from bench.client import Operation
from bench.measure import Figure, Slice
from bench.report import Result
from bench.rows.base import BOTH, HASHED, POSTGRESQL, Bed
from bench.servers import Server

EMPTY = scenarios.get("/bench/empty/")
LINKS = 20_000  # more than any machine uses up in the time of a row
SERVED = ("web", "database", "queue")  # the worker is told apart


def result(row: "Load", bed: Bed, figure: Figure, *, note: str = "", **more: object) -> Result:
    """The line of a figure in CPU milliseconds."""
    parts = {part: figure.cpu(part) for part in figure.subject[0].cpu_ms}
    apart = sum(ms for part, ms in parts.items() if part not in SERVED)
    beyond = f"p50 {figure.latency(50):.1f} ms, p99 {figure.latency(99):.1f} ms, {figure.rate:.0f}/s"
    split = ", ".join(f"{part} {ms:.2f}" for part, ms in parts.items() if ms >= 0.005)
    failed = f"; {len(figure.failures)} FAILED: {figure.failures[0]}" if figure.failures else ""
    ceiling = row.budget if bed.on.name in row.budget_on else None
    return Result(
        row=row.name,
        what=row.what,
        on=bed.on.name,
        value=figure.cpu(*SERVED),
        unit="CPU-ms",
        control=figure.control_cpu,
        budget=ceiling,
        apart=f"worker {apart:.1f}" if apart >= 0.1 else "",
        note=f"{note}{split}; {beyond}; {figure.ratio:.1f} times the control{failed}",
        raw={"subject": [raw_of(one) for one in figure.subject], "control": [raw_of(one) for one in figure.control], **more},
    )  # fmt: skip


def raw_of(one: Slice) -> dict[str, object]:
    """The samples of one stretch, to be kept."""
    return asdict(one) | {"latencies_ms": [round(ms, 2) for ms in one.latencies_ms[:2000]]}


@dataclass(frozen=True, kw_only=True)
class Load:
    """An operation that is repeated under load."""

    name: str
    what: str
    operation: Callable[[Bed], Operation]
    budget: float | None = None
    budget_on: tuple[str, ...] = BOTH
    clients: int = 4
    slices: float = 1.0  # of --seconds; longer for what takes long
    databases: tuple[str, ...] = POSTGRESQL
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The row's lines."""
        yield result(self, bed, self.figure(bed, bed.server()))

    def figure(self, bed: Bed, server: Server) -> Figure:
        """The operation beside the empty view."""
        return bed.figure(
            self.operation(bed), server=server, control=EMPTY, clients=self.clients, slices=self.slices
        )


@dataclass(frozen=True, kw_only=True)
class BeyondEmpty(Load):
    """A row that also has a budget for what it costs beyond the empty view."""

    beyond: float

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The figure in all, and beyond the control."""
        figure = self.figure(bed, bed.server())
        yield result(self, bed, figure)
        differences = [
            a.of(*SERVED) - b.of(*SERVED) for a, b in zip(figure.subject, figure.control, strict=True)
        ]
        yield Result(
            row=self.name,
            what=f"{self.what}: beyond the empty view",
            on=bed.on.name,
            value=statistics.median(differences),
            unit="CPU-ms",
            control=figure.control_cpu,
            budget=self.beyond,
            raw={"differences": differences},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SignIn(Load):
    """A sign-in without the hash: the product hashes with as little work as it takes."""

    slices: float = 2.0
    budget_on: tuple[str, ...] = POSTGRESQL


@dataclass(frozen=True, kw_only=True)
class WithHash(Load):
    """A sign-in with the hash of the product: what it costs, and how many a core carries in a second."""

    slices: float = 2.0

    def measure(self, bed: Bed) -> Iterator[Result]:
        """CPU in all, and sign-ins a second and core, beside the hash alone under the same load."""
        server, cores = bed.server(HASHED), os.cpu_count() or 1
        hashes = [machine.hash_ms(cores)]
        figure = self.figure(bed, server)
        hashes.append(machine.hash_ms(cores))
        named = f"{machine.hash_parameters()}, one hash {statistics.mean(hashes):.1f} CPU-ms; "
        yield result(self, bed, figure, note=named, hash_ms=hashes)
        yield Result(
            row=self.name,
            what=f"{self.what}: sign-ins a second and core",
            on=bed.on.name,
            value=1000 / figure.cpu(),
            unit="/s",
            budget=20,
            at_least=True,
            note=f"all CPU time, the worker's too; measured {figure.rate:.1f}/s with the client on the same {cores} cores",
        )  # fmt: skip


ROWS: tuple[Load, ...] = (
    Load(name="livez", what="`GET /livez`", operation=lambda _bed: scenarios.get("/livez")),
    BeyondEmpty(
        name="me",
        databases=BOTH,
        what="`GET /api/v1/me/` by access token",
        operation=lambda bed: scenarios.me_by_token(bed.sessions()["access"]),
        budget=0.8,
        beyond=0.4,
    ),
    BeyondEmpty(
        name="cookie",
        what="`GET /api/v1/me/` by session cookie",
        operation=lambda bed: scenarios.me_by_cookie(bed.sessions()["cookies"]),
        budget=0.8,
        beyond=0.4,
    ),
    Load(
        name="introspect",
        what="token introspection",
        operation=lambda bed: scenarios.introspect(bed.sessions()["access"]),
        budget=1.0,
    ),
    Load(
        name="refresh",
        what="refresh of a token",
        operation=lambda bed: scenarios.refresh(bed.sessions()["refresh"], bed.turns),
    ),
    Load(
        name="link",
        databases=BOTH,
        what="use of a mailed link over REST, to signed in",
        operation=lambda bed: scenarios.link_over_rest(
            bed.server().ask_people("links", LINKS, bed.turns.people)["links"], bed.turns
        ),
        budget=6,
    ),
    SignIn(
        name="password",
        what="sign-in by password over REST, without the hash",
        operation=lambda bed: scenarios.password_over_rest(bed.turns),
    ),
    SignIn(
        name="code",
        databases=BOTH,
        what="sign-in by password and mailed code over REST, without the hash",
        operation=lambda bed: scenarios.code_over_rest(bed.turns, bed.box),
        budget=12,
    ),
    SignIn(
        name="pages",
        databases=BOTH,
        what="sign-in by password and mailed code over pages, without the hash",
        operation=lambda bed: scenarios.code_over_pages(bed.turns, bed.box),
        budget=16,
    ),
    WithHash(
        name="hash",
        what="sign-in by password and mailed code over REST, with the hash",
        operation=lambda bed: scenarios.code_over_rest(bed.turns, bed.box),
    ),
)

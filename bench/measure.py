"""Measuring by turns: the control, the operation, the control, the operation, so that a machine that slows down slows both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bench.client import Operation, Outcome, load

SETTLE_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One stretch of load: how many operations, and what each cost every part of the server."""

    operations: int
    seconds: float
    cpu_ms: dict[str, float]  # of each part, for one operation
    latencies_ms: list[float]
    failures: list[str] = field(default_factory=list)

    def of(self, *parts: str) -> float:
        """CPU milliseconds for one operation in these parts, or in all."""
        return sum(self.cpu_ms[part] for part in parts or self.cpu_ms if part in self.cpu_ms)


class NothingDoneError(Exception):
    """Not one operation succeeded, so there is nothing to divide by."""


def per_operation(before: dict[str, float], after: dict[str, float], done: Outcome) -> Slice:
    """What was used between two readings, shared out among the operations."""
    if not done.operations:
        raise NothingDoneError("; ".join(done.failures[:3]) or "no operation was finished")
    return Slice(
        operations=done.operations,
        seconds=done.seconds,
        cpu_ms={part: (after[part] - used) / done.operations for part, used in before.items()},
        latencies_ms=done.latencies_ms,
        failures=done.failures,
    )


class Measured(Protocol):
    """A server under load."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def used_ms(self) -> dict[str, float]:
        """The CPU milliseconds that each of its parts has used so far."""


def one_slice(operation: Operation, *, server: Measured, clients: int, seconds: float) -> Slice:
    """One stretch of load, counted."""
    before = server.used_ms()
    done = load(operation, port=server.port, clients=clients, seconds=seconds)
    after = server.used_ms()
    time.sleep(SETTLE_SECONDS)  # what is still written down behind the last answer belongs to nobody else
    return per_operation(before, after, done)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An operation beside its control, over some rounds."""

    subject: list[Slice]
    control: list[Slice]

    def cpu(self, *parts: str) -> float:
        """The median of the rounds."""
        return statistics.median(one.of(*parts) for one in self.subject)

    @property
    def control_cpu(self) -> float:
        """The same of the control."""
        return statistics.median(one.of() for one in self.control)

    @property
    def ratio(self) -> float:
        """The median of the ratios, round by round: what is left when the machine's speed is taken out."""
        return statistics.median(a.of() / b.of() for a, b in zip(self.subject, self.control, strict=True))

    @property
    def rate(self) -> float:
        """Operations a second, as the median of the rounds."""
        return statistics.median(one.operations / one.seconds for one in self.subject)

    @property
    def failures(self) -> list[str]:
        """What went wrong, over all rounds."""
        return [failure for one in (*self.subject, *self.control) for failure in one.failures]

    def latency(self, percent: float) -> float:
        """A percentile of all latencies, in milliseconds."""
        return percentile([ms for one in self.subject for ms in one.latencies_ms], percent)


def percentile(values: list[float], percent: float) -> float:
    """The least value that so many percent of all do not exceed."""
    ordered = sorted(values)
    place = max(0, -(-len(ordered) * percent // 100) - 1)
    return ordered[int(place)]


Run = Callable[[Operation, float], Slice]


def by_turns(
    operation: Operation,
    *,
    control: Operation,
    run: Run,
    rounds: int,
    seconds: float,
    control_seconds: float,
    warm_up: float,
) -> Figure:
    """Control, operation, control, operation; the first turn of each only warms up."""
    run(control, 0.3)
    run(operation, warm_up)
    subject, controls = [], []
    for _round in range(rounds):
        controls.append(run(control, control_seconds))
        subject.append(run(operation, seconds))
    return Figure(subject=subject, control=controls)

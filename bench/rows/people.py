"""Whether a sign-in takes longer among a million people than among a thousand."""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench.measure import one_slice, percentile
from bench.report import Result
from bench.rows.base import POSTGRESQL, Bed
from bench.scenarios import Turns, password_over_rest
from bench.servers import Server, product

FEW, MANY = 1_000, 1_000_000
ROUNDS = 6


@dataclass(frozen=True, kw_only=True)
class People:
    """The latency of a sign-in by password, without the hash, with few people and with many, by turns."""

    name: str = "people"
    databases: tuple[str, ...] = POSTGRESQL
    usual: bool = False  # a million people take minutes to make

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The median of the ratios of the medians."""
        with ExitStack() as stack:
            few, many = (stack.enter_context(product(bed.on, bed.box, people=FEW)) for _ in range(2))
            began = time.perf_counter()
            many.ask_people("crowd", MANY)
            many.tidy()
            filling = time.perf_counter() - began
            turns = {"few": Turns(FEW, stride=7919), "many": Turns(MANY, stride=7919)}
            medians: dict[str, list[float]] = {"few": [], "many": []}
            for number in range(ROUNDS + 1):
                for name, server in (("few", few), ("many", many)):
                    taken = _median(server, turns[name], seconds=max(bed.seconds, 2))
                    if number:  # the first round warms up
                        medians[name].append(taken)
        ratios = [many / few for few, many in zip(medians["few"], medians["many"], strict=True)]
        yield Result(
            row=self.name,
            what=f"sign-in among {MANY:,} people to one among {FEW:,}, by latency",
            on=bed.on.name,
            value=statistics.median(ratios),
            unit="times",
            budget=1.1,
            note=f"by password over REST without the hash, one client: median {statistics.median(medians['few']):.1f} and "
            f"{statistics.median(medians['many']):.1f} ms; they were made in {filling:.0f} s",
            raw=medians,
        )  # fmt: skip


def _median(server: Server, turns: Turns, *, seconds: float) -> float:
    done = one_slice(password_over_rest(turns), server=server, clients=1, seconds=seconds)
    return percentile(done.latencies_ms, 50)


ROWS = (People(),)

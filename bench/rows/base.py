"""What every row is, and the bed that rows are measured in."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

from bench.client import Operation
from bench.doors import serving
from bench.mailbox import Mailbox
from bench.measure import Figure, Slice, by_turns, one_slice
from bench.report import Result
from bench.scenarios import Turns
from bench.servers import PEOPLE, Backing, Server, product

CALLERS = 30  # people who ask by token or cookie; each may ask 600 times a minute
CONTROL_SECONDS = 0.7
WARM_UP_SECONDS = 1.2
PLAIN, HASHED, PRODUCT = "bench.settings", "bench.settings_with_hash", "portal.settings"


@dataclass
class Bed:
    """Where rows are measured: one database, and the products on it, each started when it is first needed."""

    on: Backing
    box: Mailbox
    stack: ExitStack
    seconds: float
    rounds: int
    behind: str = ""  # the server of bench.doors in front of the product; empty: its own
    turns: Turns = field(default_factory=lambda: Turns(PEOPLE))
    _callers: int = 0
    _servers: dict[str, Server] = field(default_factory=dict)

    def server(self, settings: str = PLAIN) -> Server:
        """The product under these settings; without saying so, the one whose hash costs nothing."""
        if settings not in self._servers:
            made = self.stack.enter_context(product(self.on, self.box, settings=settings))
            if self.behind:
                other = self.stack.enter_context(serving(self.behind, made.environment))
                made = replace(made, served_by=other)
            self._servers[settings] = made
        return self._servers[settings]

    def sessions(self) -> dict[str, list[str]]:
        """Sessions of programs and browsers, of people who have not asked anything yet, for a limit counts what each asks."""
        first, self._callers = self._callers, self._callers + CALLERS
        return self.server().ask_people("sessions", CALLERS, first)

    def figure(
        self,
        operation: Operation,
        *,
        server: Server,
        control: Operation,
        clients: int,
        slices: float,
        control_seconds: float = CONTROL_SECONDS,
    ) -> Figure:
        """This operation by turns with its control."""

        def run(what: Operation, seconds: float) -> Slice:
            return one_slice(what, server=server, clients=clients, seconds=seconds)

        return by_turns(
            operation,
            control=control,
            run=run,
            rounds=self.rounds,
            seconds=self.seconds * slices,
            control_seconds=control_seconds,
            warm_up=WARM_UP_SECONDS,
        )


class Row(Protocol):
    """One or more lines of the table."""

    @property
    def name(self) -> str:
        """The word it is asked for by."""

    @property
    def databases(self) -> tuple[str, ...]:
        """Where it means something."""

    @property
    def usual(self) -> bool:
        """Whether it is measured when nobody names a row."""

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The lines."""


BOTH = ("sqlite", "postgresql")
POSTGRESQL = ("postgresql",)

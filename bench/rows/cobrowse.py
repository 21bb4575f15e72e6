"""Rows about co-browse: what a desktop's token costs, a whole session, and a long list."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from bench import scenarios
from bench.client import Operation
from bench.report import Result
from bench.rows.base import BOTH, Bed
from bench.rows.load import SERVED, Load, raw_of, result

TOKEN = "ABCDEFGHIJKLMNOPQRSTUV2345"  # noqa: S105  (of a database that is thrown away)
SITE = "https://shop.bench.example"
LIVE = 1_000


def _session(bed: Bed) -> Operation:
    bed.server().ask_people("cobrowse", TOKEN, SITE)
    return scenarios.cobrowse_session(bed.sessions()["access"], bed.turns, TOKEN, SITE)


@dataclass(frozen=True, kw_only=True)
class AgentToken(Load):
    """The agent's side with the token of a desktop, beside the same answer to the same person by `me/`."""

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The cost of the check: asked with a token that the cluster has, and without one while it has none."""
        server = bed.server()
        rounds = []
        for token in ("", TOKEN):
            server.ask_people("cobrowse", token, SITE)
            operation = scenarios.cobrowse_user(bed.sessions()["access"], token)
            control = scenarios.me_by_token(bed.sessions()["access"])
            rounds.append(
                bed.figure(
                    operation, server=server, control=control, clients=self.clients, slices=self.slices
                )
            )
        without, figure = rounds
        yield result(self, bed, figure)
        yield Result(
            row=self.name,
            what="check of an agent token, beyond the request itself",
            on=bed.on.name,
            value=statistics.median(one.of(*SERVED) for one in figure.subject)
            - statistics.median(one.of(*SERVED) for one in without.subject),
            unit="CPU-ms",
            budget=0.1,
            raw={
                "with": [raw_of(one) for one in figure.subject],
                "without": [raw_of(one) for one in without.subject],
            },
        )


@dataclass(frozen=True, kw_only=True)
class LongList(Load):
    """A list of a thousand, one client at a time: what counts is how long somebody waits."""

    clients: int = 1
    most_ms: float = 40.0

    def measure(self, bed: Bed) -> Iterator[Result]:
        """CPU, and the time until the whole list is there."""
        figure = self.figure(bed, bed.server())
        yield result(self, bed, figure)
        yield Result(
            row=self.name,
            what=f"{self.what}: median until it is there",
            on=bed.on.name,
            value=figure.latency(50),
            unit="ms",
            budget=self.most_ms,
        )


def _list(bed: Bed) -> Operation:
    bed.server().ask_people("cobrowse", TOKEN, SITE)
    token = bed.server().ask_people("live", LIVE)["access"][0]
    return scenarios.cobrowse_list(token, TOKEN, LIVE)


ROWS: tuple[Load, ...] = (
    Load(
        name="cobrowse",
        databases=BOTH,
        what="co-browse session: started, joined and ended",
        operation=_session,
        budget=12,
    ),
    AgentToken(
        name="agent-token",
        databases=BOTH,
        what="`GET /api/1/users/me` with an agent token",
        operation=_session,
    ),
    LongList(
        name="cobrowse-list",
        databases=BOTH,
        what="1,000 live co-browse sessions, listed for an administrator",
        operation=_list,
    ),
)

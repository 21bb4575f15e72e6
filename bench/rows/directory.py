"""What a sign-in costs whose password an LDAP directory proves, over one whose password is kept here."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from bench import scenarios
from bench.client import Operation, load
from bench.measure import NothingDoneError
from bench.report import Result
from bench.rows.base import BOTH, Bed
from bench.rows.load import SERVED, raw_of
from bench.scenarios import Turns
from tests.services.directory_people import name_of
from tests.services.ldap import AGENTS, PEOPLE, group, ldap_machine, person

EXTERNAL_PEOPLE = 60
FIRST_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Both without the hash, by turns; the sign-in by LDAPS binds anew each time, and asks for the person's groups."""

    name: str = "ldap"
    databases: tuple[str, ...] = BOTH
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """The median of the differences, round by round."""
        names = [name_of(number) for number in range(EXTERNAL_PEOPLE)]
        entries = [*map(person, names), group(AGENTS, *(f"uid={name},{PEOPLE}" for name in names))]
        with ldap_machine(entries=entries) as directory:
            if directory.tls is None:
                raise RuntimeError("a directory without a certificate is no measure")
            server = bed.server()
            server.ask_people("external", EXTERNAL_PEOPLE, directory.secure_url, str(directory.tls.authority))
            operation = scenarios.external_over_rest(Turns(EXTERNAL_PEOPLE))
            _sign_in_once(operation, port=server.port)
            server.tidy()
            bed.on.groups["directory"] = [directory.pid]
            try:
                figure = bed.figure(
                    operation,
                    server=server,
                    control=scenarios.password_over_rest(bed.turns),
                    clients=4,
                    slices=2.0,
                    control_seconds=2.0 * bed.seconds,  # as long as the other, for it is taken off
                )
            finally:
                del bed.on.groups["directory"]
        beyond = [a.of(*SERVED) - b.of(*SERVED) for a, b in zip(figure.subject, figure.control, strict=True)]
        failed = f"; {len(figure.failures)} FAILED: {figure.failures[0]}" if figure.failures else ""
        yield Result(
            row=self.name,
            what="LDAP sign-in over an internal one, without the hash",
            on=bed.on.name,
            value=statistics.median(beyond),
            unit="CPU-ms",
            control=statistics.median(one.of(*SERVED) for one in figure.control),
            budget=8,
            apart=f"directory {figure.cpu('directory'):.1f}",
            note=f"LDAPS, a search, a bind on a connection of its own, a search for groups; in all {figure.cpu(*SERVED):.1f} CPU-ms: "
            f"web {figure.cpu('web'):.1f}, database {figure.cpu('database'):.1f}; "
            f"p50 {figure.latency(50):.1f} ms, p99 {figure.latency(99):.1f} ms, {figure.rate:.0f}/s{failed}",
            raw={"beyond": beyond, "subject": [raw_of(one) for one in figure.subject], "control": [raw_of(one) for one in figure.control]},
        )  # fmt: skip


def _sign_in_once(operation: Operation, *, port: int) -> None:
    """Let everybody have signed in: the first time makes the account."""
    done = 0
    while done < EXTERNAL_PEOPLE:
        first = load(operation, port=port, clients=2, seconds=FIRST_SECONDS)
        if first.failures or not first.operations:
            raise NothingDoneError("; ".join(first.failures[:3]) or "nobody could sign in")
        done += first.operations


ROWS = (Directory(),)

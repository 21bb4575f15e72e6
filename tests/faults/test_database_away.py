"""The database is away, or hangs: people and programs are told so soon, and all goes on by itself when it is back."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.faults.figures import soak_seconds, told
from tests.faults.load import Answer, ask
from tests.faults.stage import Stage, staged, until
from tests.services.product import running_product

AWAY_SECONDS = soak_seconds(6)
STATED_SECONDS = (
    15.0  # ten for the statement that hangs, three for a new connection, and the rest for this machine
)
BACK_SECONDS = 10.0
NOTICED_SECONDS = 3.0
COOKIE = {"Cookie": f"session=gh_session_{'a' * 43}"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything up, and people signing in all the time."""
    with staged(tmp_path_factory.mktemp("away")) as up, up.load.going_on(threads=3):
        until(lambda: len(up.box.mails) > 3, seconds=30, what="the first codes")
        yield up


@dataclass
class Seen:
    """What each door answered while the database was away."""

    live: list[Answer] = field(default_factory=list)
    ready: list[Answer] = field(default_factory=list)
    page: list[Answer] = field(default_factory=list)
    program: list[Answer] = field(default_factory=list)

    def look(self, port: int) -> None:
        """Knock once at each, from a network of one's own."""
        address = f"172.16.{len(self.live) // 256 % 256}.{len(self.live) % 256}"
        self.live.append(ask(port, "/livez", address=address))
        self.ready.append(ask(port, "/readyz", address=address))
        self.page.append(ask(port, "/account/", address=address, **COOKIE))
        self.program.append(
            ask(port, "/api/v1/login/", {"username": "nobody@crowd.example"}, address=address)
        )

    @property
    def slowest(self) -> float:
        """The longest that anybody waited, in seconds."""
        return max(one.seconds for one in (*self.live, *self.ready, *self.page, *self.program))


@contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    """PostgreSQL ended without warning, and started again on its port."""
    stage.database.stop(immediate=True)
    try:
        yield
    finally:
        stage.database.start()


def taken(stage: Stage, how: str) -> AbstractContextManager[None]:
    return stopped(stage) if how == "stopped" else stage.database.hung()


@pytest.mark.parametrize("how", ["stopped", "hung"])
def test_while_the_database_is_away_everybody_is_told_and_afterwards_all_goes_on(
    stage: Stage, how: str
) -> None:
    first, later, before = Seen(), Seen(), len(stage.load.answers)
    with taken(stage, how):
        began = time.monotonic()
        at_first = threading.Thread(target=first.look, args=(stage.product.port,))
        at_first.start()
        time.sleep(NOTICED_SECONDS)
        while time.monotonic() - began < AWAY_SECONDS:
            later.look(stage.product.port)
    # Every process of the web has to be back: several tries in a row.
    back = until(lambda: all(stage.answers() for _ in range(6)), seconds=BACK_SECONDS, what="answers")
    at_first.join(60)
    under_load = stage.load.answers[before:]
    sent = until(lambda: not stage.load.missing(stage.box) or not stage.end_leases(), seconds=60, what="mail")
    told(
        f"{how} for {AWAY_SECONDS:.0f} s: at first {first.slowest:.2f} s; then {len(later.program)} looks, the slowest "
        f"{later.slowest:.2f} s; under load {len(under_load)} answers, the slowest "
        f"{max(one.seconds for one in under_load):.2f} s; back {back:.1f} s after, mail {sent:.1f} s, "
        f"a new code {next_code(stage):.1f} s"
    )
    assert {one.status for one in later.live} == {200}
    assert {one.status for one in later.ready} == {503}
    assert {one.status for one in later.page} == {503}
    assert {one.status for one in later.program} == {503}
    assert all(one.headers["retry-after"] for one in (*later.page, *later.program))
    assert {one.facts["code"] for one in later.program} == {"unavailable"}
    assert all("text/html" in one.headers["content-type"] for one in later.page)
    assert later.slowest < 2
    # Who came before it was noticed that it hangs waits for the statement under way, and no longer.
    assert first.slowest < STATED_SECONDS
    assert max(one.seconds for one in under_load) < STATED_SECONDS
    assert {one.status for one in under_load} <= {200, 201, 503}
    assert ask(stage.product.port, "/readyz").status == 200
    assert "ended (" not in stage.product.log  # nothing had to be started again


def next_code(stage: Stage) -> float:
    """Seconds until a code that is asked for now has arrived."""
    until(stage.load.sign_in, seconds=10, what="a sign-in")
    name = list(stage.load.asked)[-1]
    return until(lambda: name not in stage.load.missing(stage.box), seconds=20, what="the code")


def test_at_the_end_every_code_has_arrived_and_no_row_is_half_written(stage: Stage) -> None:
    stage.load.stop()
    until(
        lambda: stage.end_leases() == 0 and not stage.load.missing(stage.box), seconds=30, what="every code"
    )
    assert stage.load.use_twice(stage.box, most=20).keys() == {"once"}
    assert stage.findings() == []


def test_serve_that_is_told_to_stop_answers_what_is_under_way_and_loses_no_mail(stage: Stage) -> None:
    stage.load.answers.clear()
    stage.box.refuse_data = "451 not now"
    with stage.load.going_on(threads=3, pause=0.01):
        until(lambda: len(stage.load.missing(stage.box)) > 5, seconds=20, what="mails that wait")
        stage.product.process.send_signal(signal.SIGTERM)
        took = until(lambda: stage.product.process.poll() is not None, seconds=20, what="the end")
    stage.box.refuse_data = ""
    waiting = stage.load.missing(stage.box)
    told(f"SIGTERM: stopped after {took:.1f} s, {dict(stage.load.statuses)}, {len(waiting)} mails waited")
    assert stage.product.process.returncode == 0
    assert stage.load.statuses[-1] == 0
    assert set(stage.load.statuses) <= {0, 200, 201}
    assert waiting
    with running_product(stage.product.folder, **stage.environment):
        until(lambda: not stage.load.missing(stage.box), seconds=20, what="the mails that waited")
    assert stage.findings() == []

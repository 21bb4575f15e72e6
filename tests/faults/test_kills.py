"""`kill -9` of every part in turn while people sign in: the rest goes on, and what was killed comes back by itself."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.faults.figures import told
from tests.faults.load import ask
from tests.faults.stage import Stage, staged, until
from tests.services.processes import children

BACK_SECONDS = 15.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything up, and people signing in all the time."""
    with staged(tmp_path_factory.mktemp("kills")) as up, up.load.going_on():
        until(lambda: len(up.box.mails) > 3, seconds=20, what="the first codes")
        yield up


def back(stage: Stage, name: str, before: int) -> float:
    """Seconds until the service is there again, as another process."""
    return until(lambda: stage.service(name) not in {0, before}, seconds=BACK_SECONDS, what=f"{name} is back")


def a_code_arrives(stage: Stage) -> float:
    """Seconds until a code that is asked for now has arrived."""
    while not stage.load.sign_in():
        time.sleep(0.1)
    name = list(stage.load.asked)[-1]
    return until(lambda: name not in stage.load.missing(stage.box), seconds=20, what="the code")


@pytest.mark.parametrize("name", ["worker", "clock", "web"])
def test_a_killed_service_is_back_and_codes_go_on(stage: Stage, name: str) -> None:
    before = stage.service(name)
    stage.kill_group(name)
    came = back(stage, name, before)
    answered = until(stage.answers, seconds=BACK_SECONDS, what="an answer")
    told(
        f"{name}: back after {came:.1f} s, answers {answered:.1f} s later, a code takes {a_code_arrives(stage):.1f} s"
    )


def test_a_worker_killed_between_lease_and_sending_sends_the_code_later(stage: Stage) -> None:
    stage.box.slow["RCPT"] = 5
    until(lambda: stage.states().get("leased"), seconds=10, what="a lease")
    worker = stage.service("worker")
    stage.kill_group("worker")
    stage.box.slow.clear()
    back(stage, "worker", worker)
    assert stage.end_leases()  # which is a minute's wait
    until(lambda: not stage.states().get("leased"), seconds=20, what="everything is sent")


def test_a_killed_process_of_the_web_is_replaced_and_the_others_go_on(stage: Stage) -> None:
    web = stage.service("web")
    first, *others = children(web)
    assert others
    os.kill(first, signal.SIGKILL)
    began, failed = time.monotonic(), 0
    while time.monotonic() - began < 2:
        failed += ask(stage.product.port, "/livez").status != 200
    came = until(lambda: len(children(web)) == len(others) + 1, seconds=BACK_SECONDS, what="the process")
    assert stage.service("web") == web
    assert set(others) <= set(children(web))
    told(f"a web process: replaced after {came + 2:.1f} s at most; {failed} of the requests meanwhile failed")


def test_without_redis_requests_are_as_fast_and_the_clock_sends_the_mail(stage: Stage) -> None:
    a_code_arrives(stage)
    stage.redis.kill()
    seconds = []
    for _ in range(10):
        before = len(stage.load.answers)
        stage.load.sign_in()
        seconds += [one.seconds for one in stage.load.answers[before:]]
    late = a_code_arrives(stage)
    stage.redis.start()
    soon = until(lambda: a_code_arrives(stage) < 1, seconds=30, what="the worker listens again")
    told(
        f"without Redis: a request takes {max(seconds):.2f} s at most, a code {late:.1f} s; all well {soon:.1f} s after"
    )
    assert max(seconds) < 2
    assert late < 12


def test_a_redis_that_hangs_is_no_worse(stage: Stage) -> None:
    with stage.redis.hung():
        time.sleep(1)
        seconds = []
        for _ in range(10):
            before = len(stage.load.answers)
            stage.load.sign_in()
            seconds += [one.seconds for one in stage.load.answers[before:]]
        late = a_code_arrives(stage)
    soon = until(lambda: a_code_arrives(stage) < 1, seconds=30, what="the worker listens again")
    told(
        f"Redis hangs: a request takes {max(seconds):.2f} s at most, a code {late:.1f} s; all well {soon:.1f} s after"
    )
    assert max(seconds) < 2
    assert late < 20


def test_at_the_end_every_code_has_arrived_works_once_and_no_row_is_half_written(stage: Stage) -> None:
    stage.load.stop()
    until(
        lambda: stage.end_leases() == 0 and not stage.load.missing(stage.box), seconds=30, what="every code"
    )
    told(
        f"{len(stage.load.asked)} codes asked for, {len(stage.box.mails)} mails, answers {dict(stage.load.statuses)}"
    )
    assert set(stage.load.statuses) <= {200, 201, 503, 0, -1}
    assert stage.load.use_twice(stage.box).keys() == {"once"}
    assert stage.findings() == []

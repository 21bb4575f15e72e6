"""Which server of a directory is asked, and which rests."""

import threading
import time
from itertools import islice

from configserver.engines.servers import NEWS_WITHIN, REST_SECONDS, Servers
from tests.waiting import until

ONE, TWO, THREE = "one", "two", "three"


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def first(servers: Servers) -> str | None:
    return next(servers.candidates(), None)


class Caller(threading.Thread):
    """Somebody who asks for a server while others do."""

    def __init__(self, servers: Servers) -> None:
        super().__init__(daemon=True)
        self._servers = servers
        self.got: str | None = "nothing yet"
        self.waited = 0.0

    def run(self) -> None:
        began = time.monotonic()
        self.got = first(self._servers)
        self.waited = time.monotonic() - began


def callers(servers: Servers, number: int) -> list[Caller]:
    made = [Caller(servers) for _ in range(number)]
    for one in made:
        one.start()
    return made


def test_they_are_asked_in_their_order() -> None:
    assert list(Servers((ONE, TWO, THREE)).candidates()) == [ONE, TWO, THREE]


def test_the_one_that_answered_stays_active() -> None:
    servers = Servers((ONE, TWO))
    for name in servers.candidates():
        if name == TWO:
            servers.answered(name)
            break
        servers.failed(name)
    assert servers.active == TWO
    assert first(servers) == TWO


def test_it_stays_active_also_when_an_earlier_one_has_rested() -> None:
    hands = Hands()
    servers = Servers((ONE, TWO), clock=hands)
    servers.failed(ONE)
    servers.answered(TWO)
    hands.at += 10 * REST_SECONDS
    assert first(servers) == TWO


def test_one_that_failed_rests_and_is_then_asked_again() -> None:
    hands = Hands()
    servers = Servers((ONE,), clock=hands)
    assert first(servers) == ONE
    servers.failed(ONE)
    assert first(servers) is None
    hands.at += REST_SECONDS - 0.1
    assert first(servers) is None
    hands.at += 0.1
    assert first(servers) == ONE


def test_one_that_answers_again_is_whole_again() -> None:
    hands = Hands()
    servers = Servers((ONE,), clock=hands)
    servers.failed(ONE)
    hands.at += REST_SECONDS
    assert first(servers) == ONE
    servers.answered(ONE)
    assert [first(servers) for _ in range(3)] == [ONE, ONE, ONE]


def test_when_the_active_one_fails_the_next_one_is_asked_by_the_same_caller() -> None:
    servers = Servers((ONE, TWO))
    servers.answered(ONE)
    asked = servers.candidates()
    assert next(asked) == ONE
    servers.failed(ONE)
    assert next(asked) == TWO
    servers.answered(TWO)
    assert servers.active == TWO
    assert first(servers) == TWO


def test_of_two_that_answer_at_once_the_earlier_one_stays() -> None:
    servers = Servers((ONE, TWO))
    servers.answered(TWO)
    servers.answered(ONE)
    assert servers.active == ONE
    servers.answered(TWO)
    assert servers.active == ONE


def test_no_server_is_asked_twice_in_one_call() -> None:
    servers = Servers((ONE, TWO))
    servers.answered(TWO)
    assert list(islice(servers.candidates(), 5)) == [TWO, ONE]


def test_a_lost_call_does_not_bring_down_a_server_that_answers_others() -> None:
    hands = Hands()
    servers = Servers((ONE,), clock=hands)
    began = hands.at
    hands.at += 1
    servers.answered(ONE)
    hands.at += 1
    servers.failed(ONE, since=began)
    assert first(servers) == ONE


def test_an_answer_from_before_the_call_excuses_nothing() -> None:
    hands = Hands()
    servers = Servers((ONE,), clock=hands)
    servers.answered(ONE)
    hands.at += 1
    servers.failed(ONE, since=hands.at)
    assert first(servers) is None


def test_of_servers_that_nobody_knows_one_caller_tries_each_and_the_others_wait_for_the_news() -> None:
    servers = Servers((ONE, TWO))
    assert first(servers) == ONE  # accepts, and never answers
    assert first(servers) == TWO
    waiting = callers(servers, 20)
    time.sleep(0.05)
    assert all(one.got == "nothing yet" for one in waiting)
    servers.answered(TWO)
    for one in waiting:
        one.join(1)
    assert [one.got for one in waiting] == [TWO] * 20


def test_without_news_the_others_ask_together_with_the_first() -> None:
    servers = Servers((ONE,))
    assert first(servers) == ONE
    [other] = callers(servers, 1)
    other.join(2)
    assert other.got == ONE
    assert NEWS_WITHIN * 0.8 < other.waited < NEWS_WITHIN + 0.5


def test_one_that_failed_is_tried_again_by_one_caller_alone() -> None:
    hands = Hands()
    servers = Servers((ONE,), clock=hands)
    servers.failed(ONE)
    hands.at += REST_SECONDS
    assert first(servers) == ONE
    hands.at += NEWS_WITHIN
    others = callers(servers, 5)
    for one in others:
        one.join(2)
    assert [one.got for one in others] == [None] * 5
    assert (
        max(one.waited for one in others) < NEWS_WITHIN
    )  # its trial has been going on for too long to hope for quick news


def test_a_caller_who_never_comes_back_keeps_nobody_from_trying() -> None:
    hands = Hands()
    servers = Servers((ONE,), clock=hands)
    servers.failed(ONE)
    hands.at += REST_SECONDS
    assert first(servers) == ONE  # and its thread is killed
    hands.at += REST_SECONDS
    assert first(servers) == ONE


def test_when_the_active_one_fails_for_many_at_once_one_tries_the_next_for_all() -> None:
    hands = Hands()
    servers = Servers((ONE, TWO), clock=hands)
    servers.failed(TWO)
    servers.answered(ONE)
    hands.at += REST_SECONDS
    got, together = list[str | None](), threading.Barrier(8)

    def call() -> None:
        asked = servers.candidates()
        assert next(asked) == ONE
        together.wait()
        servers.failed(ONE)
        name = next(asked, None)
        if name is not None:
            time.sleep(0.02)
            servers.answered(name)
        got.append(name)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(8)]
    for one in threads:
        one.start()
    until(lambda: len(got) == 8, seconds=3, what="everybody to find a server")
    assert got == [TWO] * 8

"""How many are in directory calls at once, and how long others wait for them."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from pytest_django import Settings

from configserver.engines.slots import slots
from core.slots import LONGEST_WAIT, SLOW_AFTER, Slots
from tests.waiting import until


@contextmanager
def hung(room: Slots, number: int) -> Iterator[None]:
    """So many calls that do not come back."""
    with ExitStack() as held:
        for _ in range(number):
            assert held.enter_context(room.one())
        yield


def asks(room: Slots) -> tuple[bool, float]:
    began = time.monotonic()
    with room.one() as taken:
        return taken, time.monotonic() - began


def test_so_many_get_in_and_their_room_is_given_back() -> None:
    room = Slots(2)
    for _ in range(3):
        with room.one() as first, room.one() as second:
            assert first
            assert second


def test_a_place_is_given_back_also_after_an_error() -> None:
    room = Slots(1)
    with pytest.raises(ZeroDivisionError), room.one():
        _ = 1 / 0
    assert asks(room)[0]


def test_behind_calls_that_hang_nobody_waits_for_long() -> None:
    room = Slots(2)
    with hung(room, 2):
        taken, waited = asks(room)
        assert not taken
        assert waited < SLOW_AFTER + 0.3
        taken, waited = asks(room)
        assert not taken
        assert waited < 0.05  # they are known to hang by now


def test_one_call_that_hangs_refuses_nobody_while_others_come_and_go() -> None:
    room = Slots(2)
    refused, stop = list[float](), threading.Event()

    def work() -> None:
        while not stop.is_set():
            with room.one() as taken:
                if not taken:
                    refused.append(time.monotonic())
                time.sleep(0.005)

    with hung(room, 1):
        threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        for one in threads:
            one.start()
        time.sleep(4 * SLOW_AFTER)
        stop.set()
        for one in threads:
            one.join(2)
    assert not refused


def test_a_place_that_comes_free_is_taken_by_one_who_waits() -> None:
    room = Slots(1)
    got = list[tuple[bool, float]]()
    with room.one():
        waiting = threading.Thread(target=lambda: got.append(asks(room)), daemon=True)
        waiting.start()
        time.sleep(0.05)
        assert not got
    waiting.join(1)
    [(taken, waited)] = got
    assert taken
    assert waited < SLOW_AFTER


def test_nobody_waits_longer_than_he_may_where_calls_come_and_go() -> None:
    room = Slots(1)
    stop, answers = threading.Event(), list[tuple[bool, float]]()

    def work() -> None:
        while not stop.is_set():
            with room.one():
                time.sleep(0.05)

    def ask() -> None:
        answers.append(asks(room))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(10)]
    askers = [threading.Thread(target=ask, daemon=True) for _ in range(10)]
    for one in [*threads, *askers]:
        one.start()
    until(lambda: len(answers) == 10, seconds=LONGEST_WAIT + 2, what="everybody to be told")
    stop.set()
    for one in threads:
        one.join(2)
    assert max(waited for _, waited in answers) < LONGEST_WAIT + 0.3


def test_half_of_the_threads_of_a_process_may_be_in_directory_calls(settings: Settings) -> None:
    settings.HTTP_THREADS = 8
    slots.cache_clear()
    try:
        with hung(slots(), 4):
            assert not asks(slots())[0]
    finally:
        slots.cache_clear()

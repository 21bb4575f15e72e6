"""Named limits: exact, for everybody together, and over in time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.db import unit
from core.models import Tally
from core.outcomes import Denied
from core.throttle import (
    Limit,
    Taken,
    first_refusal,
    prune,
    release,
    settle,
    standing,
    take,
    take_all,
    too_many,
)
from tests.conftest import Clock
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

THREE = Limit(name="three", tries=3, window=timedelta(minutes=10))
PAUSED = replace(THREE, name="paused", pause=timedelta(hours=1))
NONE = Limit(name="none", tries=0, window=timedelta(minutes=10))
ADA, BEN = "ada", "ben"


def tries(limit: Limit, clock: Clock, *, key: str = ADA, count: int = 10) -> list[bool]:
    """Whether each of so many takes was let through."""
    return [take(limit, key, now=clock()) is None for _ in range(count)]


def test_so_many_tries_and_no_more(clock: Clock) -> None:
    assert tries(THREE, clock, count=6) == [True] * 3 + [False] * 3


def test_the_refusal_says_how_long_to_wait(clock: Clock) -> None:
    tries(THREE, clock, count=3)
    clock.forward(minutes=4)
    refused = take(THREE, ADA, now=clock())
    assert isinstance(refused, Denied)
    assert (refused.code, refused.retry_after) == ("too_many", 360)


def test_the_wait_is_never_nothing(clock: Clock) -> None:
    tries(THREE, clock, count=3)
    clock.forward(minutes=9, seconds=59.9)
    refused = take(THREE, ADA, now=clock())
    assert refused is not None
    assert refused.retry_after == 1


def test_a_new_window_begins_when_the_old_one_ends(clock: Clock) -> None:
    assert tries(THREE, clock, count=2) == [True, True]
    clock.forward(minutes=10)
    assert tries(THREE, clock, count=4) == [True, True, True, False]


def test_the_window_begins_with_the_first_try_and_not_with_each(clock: Clock) -> None:
    for _ in range(3):
        assert take(THREE, ADA, now=clock()) is None
        clock.forward(minutes=3)
    assert take(THREE, ADA, now=clock()) is not None
    clock.forward(minutes=1)
    assert take(THREE, ADA, now=clock()) is None


def test_a_refused_try_does_not_lengthen_the_wait(clock: Clock) -> None:
    tries(THREE, clock, count=4)
    for _ in range(9):
        clock.forward(minutes=1)
        assert take(THREE, ADA, now=clock()) is not None
    clock.forward(minutes=1)
    assert take(THREE, ADA, now=clock()) is None


def test_a_pause_counts_from_the_try_that_was_too_many(clock: Clock) -> None:
    tries(PAUSED, clock, count=3)
    clock.forward(minutes=5)
    refused = take(PAUSED, ADA, now=clock())
    assert refused is not None
    assert refused.retry_after == 3_600
    clock.forward(minutes=59)
    assert take(PAUSED, ADA, now=clock()) is not None
    clock.forward(minutes=1)
    assert tries(PAUSED, clock, count=4) == [True, True, True, False]


def test_a_pause_shorter_than_its_window_starts_the_count_anew(clock: Clock) -> None:
    short = replace(THREE, pause=timedelta(seconds=30))
    assert tries(short, clock, count=4) == [True, True, True, False]
    clock.forward(seconds=30)
    assert tries(short, clock, count=4) == [True, True, True, False]


def test_no_tries_at_all_means_none_from_the_first_on_and_ever_again(clock: Clock) -> None:
    """The waiting after too many codes is such a limit."""
    assert tries(NONE, clock, count=3) == [False] * 3
    clock.forward(minutes=10)
    assert tries(NONE, clock, count=3) == [False] * 3
    clock.forward(days=1)
    refused = take(NONE, ADA, now=clock())
    assert refused is not None
    assert refused.retry_after == 600


def test_keys_and_limits_count_apart(clock: Clock) -> None:
    other = replace(THREE, name="other")
    tries(THREE, clock, count=4)
    assert take(THREE, BEN, now=clock()) is None
    assert take(other, ADA, now=clock()) is None


def test_a_limit_that_was_made_stricter_holds_at_once(clock: Clock) -> None:
    tries(THREE, clock, count=3)
    assert take(replace(THREE, tries=2), ADA, now=clock()) is not None


def test_several_limits_are_taken_together_and_the_longest_wait_is_told(clock: Clock) -> None:
    tries(PAUSED, clock, count=4)
    tries(THREE, clock, count=4)
    takes = [(THREE, BEN), (THREE, ADA), (PAUSED, ADA)]
    taken = take_all(takes, now=clock())
    assert [(one.limit, one.refused) for one in taken] == [(THREE, False), (THREE, True), (PAUSED, True)]
    refused = first_refusal(taken)
    assert refused is not None
    assert refused.retry_after == 3_600
    assert first_refusal(taken[:1]) is None


def test_the_same_limit_asked_for_twice_in_one_take_counts_once(clock: Clock) -> None:
    first, second = take_all([(THREE, ADA), (THREE, ADA)], now=clock())
    assert first == second
    assert first.remaining == 2


def test_taking_nothing_is_let_through(clock: Clock) -> None:
    assert first_refusal(take_all([], now=clock())) is None


def test_what_is_left_is_told_to_the_last_try(clock: Clock) -> None:
    left = [take_all([(THREE, ADA)], now=clock())[0] for _ in range(4)]
    assert [(one.remaining, one.refused) for one in left] == [(2, False), (1, False), (0, False), (0, True)]
    assert {one.reset for one in left} == {600}


def test_how_a_limit_stands_can_be_seen_without_counting(clock: Clock) -> None:
    assert standing(THREE, ADA, now=clock()) is None
    tries(THREE, clock, count=2)
    for _ in range(5):
        assert standing(THREE, ADA, now=clock()) == Taken(limit=THREE, refused=False, remaining=1, reset=600)
    tries(THREE, clock, count=2)
    assert standing(THREE, ADA, now=clock()) == Taken(limit=THREE, refused=True, remaining=0, reset=600)
    clock.forward(minutes=10)
    assert standing(THREE, ADA, now=clock()) is None


def test_a_pause_stands_although_its_window_is_over(clock: Clock) -> None:
    tries(PAUSED, clock, count=4)
    clock.forward(minutes=30)
    found = standing(PAUSED, ADA, now=clock())
    assert found is not None
    assert (found.refused, found.reset) == (True, 1_800)
    clock.forward(minutes=30)
    assert standing(PAUSED, ADA, now=clock()) is None


def test_a_released_limit_is_whole_again_and_the_others_stay(clock: Clock) -> None:
    for key in (ADA, BEN, "cleo"):
        tries(PAUSED, clock, key=key, count=4)
    assert release((PAUSED, ADA), (PAUSED, BEN), (PAUSED, "nobody")) == 2
    assert tries(PAUSED, clock, count=4) == [True, True, True, False]
    assert take(PAUSED, "cleo", now=clock()) is not None
    assert release() == 0


def test_a_try_taken_back_was_none(clock: Clock) -> None:
    for _ in range(20):
        assert take(THREE, ADA, now=clock()) is None
        settle(one=[(THREE, ADA)])
    assert tries(THREE, clock, count=4) == [True, True, True, False]


def test_more_taken_back_than_taken_adds_nothing(clock: Clock) -> None:
    take(THREE, ADA, now=clock())
    for _ in range(5):
        settle(one=[(THREE, ADA), (THREE, "nobody")])
    assert tries(THREE, clock, count=4) == [True, True, True, False]


def test_a_try_taken_back_does_not_end_a_pause(clock: Clock) -> None:
    tries(PAUSED, clock, count=4)
    for _ in range(5):
        settle(one=[(PAUSED, ADA)])
    assert take(PAUSED, ADA, now=clock()) is not None


def test_after_a_success_some_limits_are_whole_and_one_try_of_others_was_none(clock: Clock) -> None:
    for key in (ADA, BEN, "cleo"):
        tries(PAUSED, clock, key=key, count=2)
    tries(THREE, clock, key=ADA, count=4)
    settle(whole=[(PAUSED, ADA), (THREE, ADA)], one=[(PAUSED, BEN)])
    assert tries(PAUSED, clock, key=ADA, count=4) == [True, True, True, False]
    assert tries(THREE, clock, key=ADA, count=4) == [True, True, True, False]
    assert tries(PAUSED, clock, key=BEN, count=3) == [True, True, False]
    assert tries(PAUSED, clock, key="cleo", count=2) == [True, False]


def test_a_limit_that_is_whole_after_a_success_stands_as_if_nothing_was_counted(clock: Clock) -> None:
    tries(PAUSED, clock, count=2)
    settle(whole=[(PAUSED, ADA)])
    assert standing(PAUSED, ADA, now=clock()) is None
    assert release((PAUSED, ADA)) == 0


def test_settling_nothing_changes_nothing(clock: Clock) -> None:
    tries(THREE, clock, count=2)
    settle()
    assert tries(THREE, clock, count=2) == [True, False]


def test_only_counters_whose_time_is_over_are_removed(clock: Clock) -> None:
    tries(THREE, clock, key="over", count=1)
    tries(PAUSED, clock, key="paused", count=4)
    clock.forward(minutes=20)
    tries(THREE, clock, key="running", count=1)
    assert prune(now=clock()) == 1
    assert set(Tally.objects.values_list("key", flat=True)) == {"paused:paused", "three:running"}
    assert take(PAUSED, "paused", now=clock()) is not None


@pytest.mark.parametrize(
    "key", ["x'; DROP TABLE core_tally; --", "%s", "%(now)s", "{rows}", "é" * 100, ":", ""]
)
def test_a_key_is_never_read_as_a_statement(clock: Clock, key: str) -> None:
    assert tries(THREE, clock, key=key, count=4) == [True, True, True, False]
    assert Tally.objects.filter(key=f"three:{key}", count=4).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("exists", [False, True])
def test_of_fifty_tries_at_the_same_moment_exactly_so_many_pass(clock: Clock, exists: bool) -> None:
    limit = Limit(name="fifty", tries=7, window=timedelta(minutes=10), pause=timedelta(hours=1))
    if exists:  # a counter of an earlier window
        take(limit, ADA, now=clock())
        clock.forward(hours=1)
    passed: list[int] = []

    def work(number: int) -> None:
        if take(limit, ADA, now=clock()) is None:
            passed.append(number)

    in_parallel(50, work)
    assert len(passed) == 7
    assert (
        Tally.objects.get().count == 8
    )  # the one that was too many started the pause, the others changed nothing


@pytest.mark.django_db(transaction=True)
def test_takes_of_the_same_limits_in_another_order_do_not_wait_for_each_other_forever(clock: Clock) -> None:
    limits = [Limit(name=f"limit-{number}", tries=1_000, window=timedelta(minutes=10)) for number in range(4)]

    def work(number: int) -> None:
        order = limits if number % 2 else limits[::-1]
        for _ in range(5):
            take_all([(limit, ADA) for limit in order], now=clock())

    in_parallel(8, work)
    assert set(Tally.objects.values_list("count", flat=True)) == {40}


@pytest.mark.django_db(transaction=True)
def test_a_try_counted_in_a_unit_is_lost_with_it(clock: Clock) -> None:
    """Why limits are taken outside of units: what is undone was never counted."""

    def fail() -> None:
        with unit():
            take(THREE, ADA, now=clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not Tally.objects.exists()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "Please try again in a minute."),
        (61, "Please try again in 2 minutes."),
        (7_200, "Please try again in 120 minutes."),
        (10 * 365 * 86_400, "Please ask your administrator."),
    ],
)
def test_a_refusal_says_how_long_to_wait(seconds: int, said: str) -> None:
    assert str(too_many(seconds).message) == f"Too many tries. {said}"

"""Where each signing key stands, and when the next one is due."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from accounts.tokens import rotation
from accounts.tokens.rotation import OVERLAP, PUBLISHED_AHEAD, Turn

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
MOMENT = timedelta(microseconds=1)


def after(**by: float) -> datetime:
    return BEGAN + timedelta(**by)


def turn(number: int, active_from: datetime, revoked_at: datetime | None = None) -> Turn:
    return Turn(number=number, active_from=active_from, revoked_at=revoked_at)


def stands(turns: list[Turn], now: datetime) -> list[str]:
    """The standings in the order of the numbers."""
    found = rotation.standings(turns, now=now)
    return [found[number].value for number in sorted(found)]


ONE = turn(1, BEGAN)
TWO = turn(2, BEGAN + MONTH)


def test_a_key_is_published_then_signs_then_is_retired_and_then_gone() -> None:
    handover = TWO.active_from
    assert stands([ONE, TWO], handover - MOMENT) == ["active", "published"]
    assert stands([ONE, TWO], handover) == ["retired", "active"]
    assert stands([ONE, TWO], handover + OVERLAP - MOMENT) == ["retired", "active"]
    assert stands([ONE, TWO], handover + OVERLAP) == ["gone", "active"]


def test_a_clock_that_stands_still_stops_no_signing() -> None:
    assert stands([ONE], after(days=4_000)) == ["active"]
    assert rotation.gone_at([ONE]) == {1: None}


def test_where_the_clock_of_a_node_is_behind_the_first_key_signs_there_too() -> None:
    assert stands([ONE], BEGAN - timedelta(seconds=5)) == ["active"]
    assert stands([ONE, TWO], BEGAN - timedelta(seconds=5)) == ["active", "published"]


def test_without_a_key_there_is_none() -> None:
    assert rotation.active([], now=BEGAN) is None
    assert rotation.next_turn([], period=MONTH, now=BEGAN) == BEGAN


def test_a_revoked_key_is_never_good_for_anything_again() -> None:
    revoked = turn(1, BEGAN, revoked_at=after(days=3))
    new = turn(2, after(days=3))
    assert stands([revoked, new], after(days=3)) == ["revoked", "active"]
    assert stands([revoked], after(days=3)) == ["revoked"]
    assert rotation.active([revoked], now=after(days=3)) is None
    assert rotation.gone_at([revoked, new])[1] == after(days=3)


def test_a_key_that_was_revoked_before_its_time_ended_nobodys_turn() -> None:
    never = turn(2, after(days=30), revoked_at=after(days=29, hours=12))
    third = turn(3, after(days=31))
    assert rotation.ends([ONE, never, third])[1] == after(days=31)
    assert stands([ONE, never, third], after(days=30, hours=1)) == ["active", "revoked", "published"]


def test_a_key_that_signed_and_was_revoked_ended_the_turn_before_it() -> None:
    second = turn(2, after(days=30), revoked_at=after(days=33))
    third = turn(3, after(days=33))
    assert rotation.ends([ONE, second, third])[1] == after(days=30)
    assert stands([ONE, second, third], after(days=30) + OVERLAP) == ["gone", "revoked", "active"]


def test_the_last_key_that_is_left_signs_and_verifies_whatever_came_after_it() -> None:
    second = turn(2, after(days=30), revoked_at=after(days=33))
    assert stands([ONE, second], after(days=400)) == ["active", "revoked"]
    assert rotation.gone_at([ONE, second])[1] is None
    third = turn(3, after(days=60))
    assert stands([ONE, second, third], after(days=59)) == ["active", "revoked", "published"]
    assert rotation.ends([ONE, second, third])[1] == third.active_from


def test_the_key_that_signs_is_never_gone_whatever_was_revoked() -> None:
    days = random.Random(7)
    for _again in range(500):
        past = days.randint(0, 30)
        turns = [
            turn(
                number,
                after(days=days.randint(0, 40)),
                after(days=days.randint(0, past)) if days.random() < 0.5 else None,
            )
            for number in range(1, 6)
        ]
        now = after(days=past)
        signing = rotation.active(turns, now=now)
        if signing is not None:
            end = rotation.gone_at(turns)[signing.number]
            assert end is None or end > now, turns


def test_the_order_is_that_of_their_times_and_not_of_their_numbers() -> None:
    late, early = turn(2, after(days=30)), turn(3, after(days=29))
    assert stands([ONE, late, early], after(days=29)) == ["retired", "published", "active"]
    assert stands([ONE, late, early], after(days=30)) == ["retired", "active", "retired"]


def test_the_next_key_is_published_a_day_before_its_time() -> None:
    due = BEGAN + MONTH - PUBLISHED_AHEAD
    assert rotation.next_turn([ONE], period=MONTH, now=due - MOMENT) is None
    assert rotation.next_turn([ONE], period=MONTH, now=due) == BEGAN + MONTH
    assert rotation.next_turn([ONE, TWO], period=MONTH, now=due) is None


def test_a_key_that_comes_late_is_published_a_day_ahead_all_the_same() -> None:
    late = BEGAN + 2 * MONTH
    assert rotation.next_turn([ONE], period=MONTH, now=late) == late + PUBLISHED_AHEAD


def test_with_the_shortest_period_one_key_is_always_on_its_way() -> None:
    turns, now, day = [ONE], BEGAN, timedelta(days=1)
    for _hour in range(24 * 30):
        due = rotation.next_turn(turns, period=day, now=now)
        if due is not None:
            turns.append(turn(len(turns) + 1, due))
        standing = [one for one in stands(turns, now) if one != "gone"]
        assert standing.count("active") == 1
        assert len(standing) <= 1 + 1 + OVERLAP // day + 1
        now += timedelta(hours=1)
    assert len(turns) > 25


def test_the_overlap_outlives_whatever_a_key_signs() -> None:
    assert timedelta(hours=72) < OVERLAP  # join links
    assert timedelta(minutes=5) < PUBLISHED_AHEAD  # for which others may hold the published keys


@pytest.mark.parametrize(("days", "late"), [(31, False), (32, True), (400, True)])
def test_rotation_that_stands_still_is_seen_after_two_days(days: int, late: bool) -> None:
    assert rotation.is_late(ONE, period=MONTH, now=after(days=days)) is late

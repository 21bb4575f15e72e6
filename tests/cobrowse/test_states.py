"""The state machine of a session: every event in every state."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from cobrowse.sessions.states import (
    Action,
    Asked,
    Ended,
    Facts,
    Mode,
    Refusal,
    Right,
    Role,
    State,
    change_mode,
    join,
    lapse,
    leaving_ends,
)

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=20)
IDLE = timedelta(minutes=5)


def facts(**more: object) -> Facts:
    return Facts(expires_at=LATER, **more)  # type: ignore[arg-type]


def test_a_session_is_active_once_customer_and_agent_are_there_whoever_came_first() -> None:
    for first, second in ((Role.CUSTOMER, Role.AGENT), (Role.AGENT, Role.CUSTOMER)):
        one = join(facts(), first)
        assert isinstance(one, Facts)
        assert one.state is State.IDLE
        both = join(one, second)
        assert isinstance(both, Facts)
        assert (both.state, both.mode) == (State.ACTIVE, Mode.POINTER)


def test_a_controller_makes_no_session_active() -> None:
    found = join(facts(present=frozenset({Role.CUSTOMER})), Role.CONTROLLER)
    assert isinstance(found, Facts)
    assert found.state is State.IDLE


@pytest.mark.parametrize("role", Role)
def test_of_each_role_there_is_one_and_nobody_comes_after_the_end(role: Role) -> None:
    assert join(facts(present=frozenset({role})), role) is Refusal.TAKEN
    assert join(facts(state=State.ENDED), role) is Refusal.OVER


def test_it_ends_with_the_customer_or_the_agent_and_not_with_the_controller() -> None:
    assert leaving_ends(Role.CUSTOMER) is Ended.CUSTOMER_LEFT
    assert leaving_ends(Role.AGENT) is Ended.AGENT_LEFT
    assert leaving_ends(Role.CONTROLLER) is None


# (mode, asked) -> action -> by whom -> what comes of it; what is not named is refused.
P, W = Mode.POINTER, Mode.WRITE
N, R, X = Asked.NO, Asked.REQUESTED, Asked.REFUSED
MOVES = {
    ((P, N), Action.REQUEST, "agent"): (P, R),
    ((P, X), Action.REQUEST, "agent"): (P, R),
    ((P, R), Action.GRANT, "customer"): (W, N),
    ((P, R), Action.REFUSE, "customer"): (P, X),
    ((P, R), Action.END, "agent"): (P, N),
    ((P, R), Action.END, "customer"): (P, N),
    ((P, X), Action.END, "agent"): (P, N),
    ((P, X), Action.END, "customer"): (P, N),
    ((W, N), Action.END, "agent"): (P, N),
    ((W, N), Action.END, "customer"): (P, N),
}


@pytest.mark.parametrize(
    ("before", "action", "role"), list(product(((P, N), (P, R), (P, X), (W, N)), Action, Role))
)
def test_write_mode_is_asked_for_by_the_agent_and_granted_by_the_customer(
    before: tuple[Mode, Asked], action: Action, role: Role
) -> None:
    side = "customer" if role is Role.CUSTOMER else "agent"
    found = change_mode(facts(state=State.ACTIVE, mode=before[0], asked=before[1]), action, by=role)
    expected = MOVES.get((before, action, side))
    if expected is None:
        assert isinstance(found, Refusal)
    else:
        assert isinstance(found, Facts)
        assert (found.mode, found.asked) == expected


@pytest.mark.parametrize(("action", "role"), list(product(Action, Role)))
def test_modes_change_only_while_both_are_there(action: Action, role: Role) -> None:
    assert change_mode(facts(), action, by=role) is Refusal.NOT_ACTIVE
    assert change_mode(facts(state=State.ENDED), action, by=role) is Refusal.OVER


def test_a_session_waits_until_its_time_and_not_a_moment_longer() -> None:
    waits = facts(customer_seen_at=NOW)
    assert lapse(waits, idle=IDLE, now=LATER - timedelta(microseconds=1)) is None
    assert lapse(waits, idle=IDLE, now=LATER) == (Ended.NOBODY_CAME, LATER)


@pytest.mark.parametrize("silent", ["customer_seen_at", "agent_seen_at"])
def test_an_active_session_ends_five_minutes_after_one_side_was_last_heard(silent: str) -> None:
    seen = {"customer_seen_at": NOW + IDLE, "agent_seen_at": NOW + IDLE, silent: NOW}
    active = facts(state=State.ACTIVE, **seen)
    assert lapse(active, idle=IDLE, now=NOW + IDLE - timedelta(microseconds=1)) is None
    assert lapse(active, idle=IDLE, now=NOW + IDLE) == (Ended.SILENT, NOW + IDLE)
    assert lapse(active, idle=IDLE, now=NOW + timedelta(hours=9)) == (Ended.SILENT, NOW + IDLE)


def test_what_ended_does_not_end_again() -> None:
    assert lapse(facts(state=State.ENDED), idle=IDLE, now=LATER + IDLE) is None


def test_each_right_holds_those_before_it() -> None:
    order = list(Right)
    for a, b in product(order, order):
        assert a.covers(b) == (order.index(a) >= order.index(b))

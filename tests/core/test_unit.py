"""One unit of work, one transaction."""

import threading
from contextlib import suppress

import pytest
from django.db import IntegrityError, connections, transaction

from core.db import Unit, after_commit, current_unit, unit
from core.models import Tally
from core.outcomes import Denied

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
TOO_LATE = Denied(code="too_late", message="It is too late.")


def write(key: str) -> None:
    Tally.objects.create(key=key, count=1, tries=1, window=1, pause=0, window_ends=0)


def written() -> set[str]:
    return set(Tally.objects.values_list("key", flat=True))


def test_everything_inside_happens() -> None:
    with unit():
        write("a")
        write("b")
    assert written() == {"a", "b"}


def test_an_error_undoes_everything_and_goes_on() -> None:
    def fail() -> None:
        with unit():
            write("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert written() == set()
    assert current_unit() is None


def test_what_was_written_before_a_refusal_survives_it() -> None:
    def refuse() -> Denied:
        with unit():
            write("the failed try")
            return TOO_LATE

    assert refuse() is TOO_LATE
    assert written() == {"the failed try"}


def test_a_unit_inside_a_unit_is_the_same_one() -> None:
    with unit() as outer, unit() as inner:
        assert inner is outer
        assert current_unit() is outer


def test_an_error_in_the_outer_unit_undoes_what_the_inner_one_did() -> None:
    def inner() -> None:
        with unit():
            write("inner")

    def outer() -> None:
        with unit():
            inner()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        outer()
    assert written() == set()


def test_an_error_caught_between_inner_and_outer_unit_leaves_nothing_half_done() -> None:
    """On SQLite the outer part would be committed without the inner one; PostgreSQL would refuse every further statement."""

    def inner() -> None:
        with unit():
            write("a")
            write("a")

    def outer() -> None:
        with unit():
            write("b")
            with suppress(IntegrityError):
                inner()

    with pytest.raises(RuntimeError, match="nothing was written"):
        outer()
    assert written() == set()
    with unit():
        write("c")
    assert written() == {"c"}


def test_any_error_caught_there_does_the_same() -> None:
    def inner() -> None:
        with unit():
            write("a")
            raise ZeroDivisionError

    def outer() -> None:
        with unit():
            write("b")
            with suppress(ZeroDivisionError):
                inner()

    with pytest.raises(RuntimeError, match="nothing was written"):
        outer()
    assert written() == set()


def test_a_database_error_that_was_expected_can_be_caught_outside() -> None:
    with unit():
        write("a")

    def again() -> Denied | None:
        try:
            with unit():
                write("b")
                write("a")
        except IntegrityError:
            return TOO_LATE
        return None

    assert again() is TOO_LATE
    assert written() == {"a"}


def test_what_comes_last_runs_once_for_each_key_in_a_fixed_order() -> None:
    ran: list[str] = []

    def register(running: Unit, *keys: str) -> None:
        for key in keys:
            running.last(key, lambda key=key: ran.append(key))  # type: ignore[misc]

    with unit() as running:
        register(running, "zebra", "audit")
        with unit() as inner:
            register(inner, "epoch", "audit")
        assert ran == []
        write("a")
    assert ran == ["audit", "epoch", "zebra"]


def test_what_was_gathered_is_used_whole_and_in_order_at_the_end() -> None:
    used: list[list[int]] = []
    with unit() as running:
        running.gather("numbers", 1, used.append)
        with unit() as inner:
            inner.gather("numbers", 2, used.append)
        running.gather("numbers", 3, used.append)
        assert used == []
    assert used == [[1, 2, 3]]


def test_what_comes_last_does_not_run_after_an_error() -> None:
    ran: list[str] = []

    def fail() -> None:
        with unit() as running:
            running.last("audit", lambda: ran.append("audit"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ran == []


def test_an_error_in_what_comes_last_undoes_everything() -> None:
    def fail() -> None:
        write("late")
        raise ZeroDivisionError

    def work() -> None:
        with unit() as running:
            write("early")
            running.last("audit", fail)

    with pytest.raises(ZeroDivisionError):
        work()
    assert written() == set()


def test_what_is_registered_while_the_last_statements_run_is_an_error_and_not_lost() -> None:
    """A record written down by a step after the audit's would otherwise never reach the trail."""
    used: list[list[int]] = []

    def work() -> None:
        with unit() as running:
            write("a")
            running.gather("audit", 1, used.append)
            running.last("epoch", lambda: running.gather("audit", 2, used.append))

    with pytest.raises(RuntimeError, match="too late"):
        work()
    assert written() == set()


def test_what_waits_for_the_commit_runs_after_it_and_sees_it_done() -> None:
    seen: list[set[str]] = []
    with unit():
        after_commit(lambda: seen.append(written()))
        write("a")
        assert seen == []
    assert seen == [{"a"}]


def test_what_waits_for_the_commit_does_not_run_without_one() -> None:
    ran: list[str] = []

    def fail() -> None:
        with unit():
            after_commit(ran.append, "mail")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ran == []


def test_a_unit_cannot_hide_in_a_transaction_that_may_still_be_undone() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"), unit():
        pass


def test_the_unit_of_one_thread_is_none_of_another() -> None:
    seen: list[Unit | None] = []

    def look() -> None:
        seen.append(current_unit())
        connections.close_all()

    with unit():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(5)
    assert seen == [None]

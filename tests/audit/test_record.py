"""Writing down what happened: with what happened, whole, and in one chain."""

import time
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from audit.record import GENESIS, Origin, head, record
from audit.verify import verify
from core.db import unit
from core.models import Tally
from core.routes import request_id
from tests.conftest import Clock
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
NOBODY = Origin(address="192.0.2.1")


def note(clock: Clock, **more: object) -> None:
    """One event in a unit of its own."""
    with unit():
        record(Event.LOGIN_PASSWORD_REFUSED, origin=NOBODY, at=clock(), **more)  # type: ignore[arg-type]


def test_what_happened_stands_in_the_row(clock: Clock, ada: User, ben: User) -> None:
    named = request_id.set("abcdef12")
    with unit():
        record(
            Event.USER_LOCKED,
            origin=Origin(actor=ada, address="192.0.2.7"),
            at=clock(),
            company_id=ben.company_id,
            subject=ben,
            reason="left the company",
            roles=["Member"],
        )
    request_id.reset(named)
    row = AuditEvent.objects.get()
    assert (row.event, row.at) == ("accounts:user:locked", clock())
    assert (row.actor_uid, row.actor_name) == (str(ada.uid), "ada@acme.example")
    assert (row.subject_kind, row.subject_uid, row.subject_name) == ("user", str(ben.uid), "ben@acme.example")
    assert (row.company_id, row.address, row.request_id) == (ben.company_id, "192.0.2.7", "abcdef12")
    assert row.details == {"reason": "left the company", "roles": ["Member"]}


def test_an_event_without_actor_or_subject_leaves_them_empty(clock: Clock) -> None:
    note(clock)
    row = AuditEvent.objects.get()
    assert (row.actor_uid, row.actor_name, row.subject_kind, row.subject_uid, row.subject_name) == ("",) * 5
    assert row.company_id is None


def test_the_record_outlives_what_it_speaks_of(clock: Clock, ben: User) -> None:
    with unit():
        record(Event.USER_DELETED, origin=Origin(actor=ben), at=clock(), subject=ben)
    ben.delete()
    assert AuditEvent.objects.get().subject_name == "ben@acme.example"


def test_a_record_outside_of_a_unit_is_a_mistake(clock: Clock) -> None:
    with pytest.raises(RuntimeError, match="belongs inside"):
        record(Event.LOGIN_PASSWORD_REFUSED, origin=NOBODY, at=clock())


def test_a_unit_that_is_rolled_back_leaves_no_row(clock: Clock) -> None:
    def fail() -> None:
        with unit():
            record(Event.LOGIN_PASSWORD_REFUSED, origin=NOBODY, at=clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not AuditEvent.objects.exists()
    note(clock)
    assert verify().broken_at is None


def test_the_row_is_written_as_the_last_thing_in_the_unit(clock: Clock) -> None:
    with unit():
        record(Event.LOGIN_PASSWORD_REFUSED, origin=NOBODY, at=clock())
        assert not AuditEvent.objects.exists()
    assert AuditEvent.objects.count() == 1


def test_several_events_of_a_unit_are_written_in_their_order(clock: Clock) -> None:
    events = [
        Event.LOGIN_PASSWORD_REFUSED,
        Event.LOGIN_PASSWORD_ACCEPTED,
        Event.LOGIN_CODE_SENT,
        Event.LOGIN_PASSWORD_REFUSED,
    ]
    with unit():
        for event in events:
            record(event, origin=NOBODY, at=clock())
    assert list(AuditEvent.objects.order_by("id").values_list("event", flat=True)) == events


def test_each_row_seals_the_one_before(clock: Clock) -> None:
    assert head() == GENESIS
    for _ in range(5):
        note(clock)
    macs = list(AuditEvent.objects.order_by("id").values_list("mac", flat=True))
    assert len(set(macs)) == 5  # although the rows say the same
    assert head() == macs[-1]
    verdict = verify()
    assert (verdict.rows, verdict.head, verdict.broken_at) == (5, macs[-1], None)


def test_an_empty_trail_is_intact() -> None:
    verdict = verify()
    assert (verdict.rows, verdict.head, verdict.broken_at) == (0, GENESIS, None)


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
def test_a_time_of_another_zone_is_sealed_as_the_moment_that_it_is(zone: timezone) -> None:
    moment = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
    with unit():
        record(Event.LOGIN_PASSWORD_REFUSED, origin=NOBODY, at=moment.astimezone(zone))
    assert AuditEvent.objects.get().at == moment
    assert verify().broken_at is None


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
DETAILS = st.dictionaries(
    st.sampled_from(["reason", "Name", "éa", "z", "changes"]),
    st.one_of(TEXT, st.integers(-(2**63), 2**63), st.booleans(), st.none(), st.lists(TEXT, max_size=4)),
)


@given(DETAILS, TEXT)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_details_are_the_row_read_back_fits_its_seal(
    clock: Clock, details: dict[str, object], name: str
) -> None:
    class Named:
        uid = uuid.UUID(int=7)

        def __str__(self) -> str:
            return name * 20

    with unit():
        record(Event.REFUSED, origin=Origin(actor=Named()), at=clock(), subject=Named(), **details)  # type: ignore[arg-type]
    assert verify().broken_at is None
    assert AuditEvent.objects.latest("id").details == details


@pytest.mark.django_db(transaction=True)
def test_twelve_writers_at_once_never_fork_the_chain(clock: Clock) -> None:
    """Without the lock at the end two writers chain to the same row; with a lock at the beginning they deadlock."""

    def work(number: int) -> None:
        for turn in range(15):
            with unit():
                record(Event.LOGIN_PASSWORD_REFUSED, origin=NOBODY, at=clock(), writer=number, turn=turn)
                Tally.objects.create(
                    key=f"{number}-{turn}", count=1, tries=1, window=1, pause=0, window_ends=0
                )
                time.sleep(0.001)
                record(Event.LOGIN_CODE_SENT, origin=NOBODY, at=clock(), writer=number, turn=turn)

    in_parallel(12, work)
    assert AuditEvent.objects.count() == 12 * 15 * 2
    assert AuditEvent.objects.values("mac").distinct().count() == 12 * 15 * 2
    verdict = verify()
    assert (verdict.rows, verdict.broken_at) == (360, None)
    rows = list(AuditEvent.objects.order_by("id").values_list("event", "details"))
    for begun, sent in zip(rows[::2], rows[1::2], strict=True):  # what belongs together stands together
        assert (begun[0], sent[0]) == (Event.LOGIN_PASSWORD_REFUSED, Event.LOGIN_CODE_SENT)
        assert begun[1] == sent[1]


@pytest.mark.django_db(transaction=True)
def test_writers_that_fail_between_others_leave_no_gap_in_the_chain(clock: Clock) -> None:
    def work(number: int) -> None:
        for turn in range(10):
            try:
                with unit():
                    record(Event.LOGIN_PASSWORD_REFUSED, origin=NOBODY, at=clock(), writer=number)
                    if (number + turn) % 3 == 0:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass

    in_parallel(6, work)
    assert verify() == verify()
    assert verify().broken_at is None
    assert AuditEvent.objects.count() == 40

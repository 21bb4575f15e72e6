"""The trail after its root key has gone: still whole, and a change in it still shows."""
# ruff: noqa: S608  (the attacker writes statements of his own)

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from pytest_django import Settings

from audit.events import Event
from audit.models import Anchor, AuditEvent, Rotation
from audit.record import Origin, record
from audit.verify import cover, prune, verify
from core.db import unit
from tests.audit.raw import execute, no_triggers
from tests.conftest import Clock

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ONE, TWO, THREE = (f"k{number}:" + letter * 43 for number, letter in ((1, "A"), (2, "B"), (3, "C")))


def note(clock: Clock, number: int = 1) -> None:
    for _ in range(number):
        with unit():
            record(Event.LOGIN_PASSWORD_REFUSED, origin=Origin(address="192.0.2.1"), at=clock())
        clock.forward(days=1)


@pytest.fixture
def trail(clock: Clock, settings: Settings) -> list[AuditEvent]:
    """Five events under a key that has gone since, their mark, and three events under the next."""
    settings.FIELD_KEYS = ONE
    note(clock, 5)
    settings.FIELD_KEYS = f"{TWO},{ONE}"
    assert cover(now=clock()).broken_at is None
    clock.forward(days=1)
    settings.FIELD_KEYS = TWO
    note(clock, 2)
    return list(AuditEvent.objects.order_by("id"))


def test_the_trail_is_whole_without_the_old_key_and_the_mark_is_written_down(trail: list[AuditEvent]) -> None:
    verdict = verify()
    assert (verdict.rows, verdict.head, verdict.broken_at) == (8, trail[-1].mac, None)
    assert trail[5].event == Event.KEYS_ROTATED
    details = trail[5].details
    assert (details["key"], details["older"], details["events"]) == ("k2", ["k1"], 5)
    assert Rotation.objects.get().digest == details["digest"]


def test_without_the_mark_the_old_key_is_needed(clock: Clock, settings: Settings) -> None:
    settings.FIELD_KEYS = ONE
    note(clock)
    settings.FIELD_KEYS = TWO
    assert verify().broken_at == AuditEvent.objects.get().pk


def test_the_second_time_there_is_nothing_to_do(
    trail: list[AuditEvent], clock: Clock, settings: Settings
) -> None:
    settings.FIELD_KEYS = f"{TWO},{ONE}"
    cover(now=clock())
    assert (Rotation.objects.count(), AuditEvent.objects.count()) == (1, 8)


def test_what_a_late_process_sealed_under_the_old_key_is_covered_by_another_mark(
    trail: list[AuditEvent], clock: Clock, settings: Settings
) -> None:
    settings.FIELD_KEYS = ONE
    note(clock)
    settings.FIELD_KEYS = f"{TWO},{ONE}"
    cover(now=clock())
    settings.FIELD_KEYS = TWO
    assert (verify().broken_at, Rotation.objects.count()) == (None, 2)


@pytest.mark.parametrize("number", [0, 2, 4])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_auditevent SET actor_name = 'mallory' WHERE id = %s",
        "UPDATE audit_auditevent SET mac = '0' WHERE id = %s",
        "UPDATE audit_auditevent SET id = -1 WHERE id = %s",
        "DELETE FROM audit_auditevent WHERE id = %s",
    ],
)
def test_a_change_among_the_old_rows_shows(trail: list[AuditEvent], change: str, number: int) -> None:
    with no_triggers():
        execute(change, trail[number].pk)
    assert verify().broken_at == trail[4].pk
    assert "when the keys were rotated" in verify().reason


def test_a_row_put_in_before_or_between_shows(trail: list[AuditEvent], clock: Clock) -> None:
    put_in = AuditEvent(pk=trail[0].pk - 1, at=clock(), event="x", mac="0" * 64)
    put_in.save(force_insert=True)
    assert verify().broken_at == trail[4].pk


def test_rows_cut_off_behind_the_mark_and_the_mark_with_them_show(trail: list[AuditEvent]) -> None:
    with no_triggers():
        execute("DELETE FROM audit_auditevent WHERE id > %s", trail[2].pk)
        assert verify().broken_at == trail[4].pk
        execute("DELETE FROM audit_rotation")
    assert verify().broken_at == trail[0].pk


@pytest.mark.parametrize(
    "change",
    ["event_id = event_id + 1", "digest = '0'", "at = '2020-01-01 00:00:00+00:00'", "signature = ''"],
)
def test_a_changed_mark_shows(trail: list[AuditEvent], change: str) -> None:
    with no_triggers():
        execute(f"UPDATE audit_rotation SET {change}")
    assert verify().broken_at is not None


def test_a_deleted_or_forged_mark_shows(trail: list[AuditEvent], clock: Clock) -> None:
    kept = Rotation.objects.get()
    with no_triggers():
        execute("DELETE FROM audit_rotation")
    assert verify().broken_at == trail[0].pk
    Rotation.objects.create(event_id=trail[6].pk, digest=kept.digest, at=clock(), signature=kept.signature)
    assert verify().broken_at == trail[6].pk


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_rotation SET digest = '0'", "DELETE FROM audit_rotation"]
)
def test_nobody_changes_or_deletes_a_mark(trail: list[AuditEvent], statement: str) -> None:
    with pytest.raises(DatabaseError, match="cannot be"), transaction.atomic():
        execute(statement)


def test_a_broken_trail_is_not_borne_out_by_a_mark(clock: Clock, settings: Settings) -> None:
    settings.FIELD_KEYS = ONE
    note(clock, 3)
    row = AuditEvent.objects.order_by("id")[1]
    with no_triggers():
        execute("UPDATE audit_auditevent SET actor_name = 'mallory' WHERE id = %s", row.pk)
    settings.FIELD_KEYS = f"{TWO},{ONE}"
    assert cover(now=clock()).broken_at == row.pk
    assert not Rotation.objects.exists()


# --- together with pruning, and again ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [1, 4, 5, 6])
def test_old_rows_can_be_pruned_before_at_and_behind_the_mark(
    trail: list[AuditEvent], clock: Clock, kept: int
) -> None:
    assert prune(before=trail[kept].at, now=clock()) == kept
    assert verify().broken_at is None
    if kept < 5:
        with no_triggers():
            execute("UPDATE audit_auditevent SET actor_name = 'mallory' WHERE id = %s", trail[4].pk)
        assert verify().broken_at == trail[4].pk


def test_pruning_a_changed_row_does_not_wash_the_change_away(trail: list[AuditEvent], clock: Clock) -> None:
    with no_triggers():
        execute("UPDATE audit_auditevent SET actor_name = 'mallory' WHERE id = %s", trail[1].pk)
    prune(before=trail[3].at, now=clock())
    assert verify().broken_at == trail[4].pk


def test_an_anchor_of_the_old_key_is_signed_anew(clock: Clock, settings: Settings) -> None:
    settings.FIELD_KEYS = ONE
    note(clock, 4)
    prune(before=clock() - timedelta(days=3), now=clock())
    settings.FIELD_KEYS = f"{TWO},{ONE}"
    cover(now=clock())
    settings.FIELD_KEYS = TWO
    assert verify().broken_at is None
    with no_triggers():
        execute("DELETE FROM audit_anchor WHERE id = %s", Anchor.objects.latest("id").pk)
    assert verify().broken_at == Anchor.objects.get().event_id


def test_keys_are_rotated_again_and_again(trail: list[AuditEvent], clock: Clock, settings: Settings) -> None:
    prune(before=trail[2].at, now=clock())
    settings.FIELD_KEYS = f"{THREE},{TWO}"
    cover(now=clock())
    settings.FIELD_KEYS = THREE
    note(clock)
    assert verify().broken_at is None
    newest = Rotation.objects.latest("id").event_id
    with no_triggers():
        execute("UPDATE audit_auditevent SET actor_name = 'mallory' WHERE id = %s", trail[3].pk)
    assert verify().broken_at == newest

"""The chain: whoever changes the record shows, also with the database in his hands."""
# ruff: noqa: S608  (the attacker writes statements of his own)

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from audit.events import Event
from audit.models import Anchor, AuditEvent
from audit.record import Origin, record, seal
from audit.verify import Verdict, prune, verify
from core.db import unit
from tests.audit.raw import execute, no_triggers
from tests.conftest import Clock
from tests.services.database import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
COLUMNS = [
    "at", "event", "actor_uid", "actor_name", "company_id", "subject_kind", "subject_uid", "subject_name", "address",
    "request_id", "details", "mac",
]  # fmt: skip


@pytest.fixture
def trail(clock: Clock) -> list[AuditEvent]:
    """Five events, a day apart."""
    for number in range(5):
        with unit():
            record(
                Event.LOGIN_PASSWORD_REFUSED,
                origin=Origin(address="192.0.2.1"),
                at=clock(),
                company_id=1,
                number=number,
            )
        clock.forward(days=1)
    return list(AuditEvent.objects.order_by("id"))


def is_broken_at(row: AuditEvent) -> bool:
    verdict = verify()
    assert verdict.broken_at == row.pk
    assert verdict.reason
    return True


# --- the triggers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET actor_name = 'mallory'",
        "UPDATE audit_auditevent SET id = id + 100",
        "UPDATE audit_auditevent SET mac = mac",
        "DELETE FROM audit_auditevent",
        "DELETE FROM audit_auditevent WHERE id = (SELECT max(id) FROM audit_auditevent)",
    ],
)
def test_nobody_changes_or_deletes_a_row(trail: list[AuditEvent], statement: str) -> None:
    with pytest.raises(DatabaseError, match="cannot be"), transaction.atomic():
        execute(statement)
    assert AuditEvent.objects.count() == 5
    assert verify().broken_at is None


def test_our_own_code_cannot_either(trail: list[AuditEvent]) -> None:
    changes: list[Callable[[], object]] = [
        trail[0].delete,
        trail[0].save,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(event="x"),
        lambda: AuditEvent.objects.bulk_update(trail, ["address"]),
    ]
    for change in changes:
        with pytest.raises(DatabaseError, match="cannot be"), transaction.atomic():
            change()


def test_nobody_replaces_a_row(trail: list[AuditEvent]) -> None:
    """SQLite's REPLACE deletes the old row without asking the trigger of DELETE."""
    columns = "id, " + ", ".join(COLUMNS)
    copy = f"SELECT {columns} FROM audit_auditevent WHERE id = {trail[2].pk}"
    statement = {
        "sqlite": f"INSERT OR REPLACE INTO audit_auditevent ({columns}) {copy}",
        "postgresql": f"INSERT INTO audit_auditevent ({columns}) {copy} ON CONFLICT (id) DO UPDATE SET address = '-'",
    }[connection.vendor]
    with pytest.raises(DatabaseError, match="cannot be"), transaction.atomic():
        execute(statement)


@pytest.mark.parametrize("table", ["audit_auditevent", "audit_anchor"])
def test_nobody_truncates(trail: list[AuditEvent], clock: Clock, table: str) -> None:
    prune(before=trail[2].at, now=clock())
    truncate = {"sqlite": "DELETE FROM", "postgresql": "TRUNCATE"}[connection.vendor]
    with pytest.raises(DatabaseError, match="cannot be"), transaction.atomic():
        execute(f"{truncate} {table}")


@pytest.mark.parametrize("statement", ["UPDATE audit_anchor SET event_id = 0", "DELETE FROM audit_anchor"])
def test_nobody_changes_or_deletes_an_anchor(trail: list[AuditEvent], clock: Clock, statement: str) -> None:
    prune(before=trail[2].at, now=clock())
    with pytest.raises(DatabaseError, match="cannot be"), transaction.atomic():
        execute(statement)


# --- round the triggers ------------------------------------------------------------------------------------------------

FORGED = {"at": "2020-01-01 00:00:00+00:00", "company_id": 2, "details": '{"number": 7}'}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("index", [0, 2, 4])
def test_a_change_of_any_column_of_any_row_shows(trail: list[AuditEvent], column: str, index: int) -> None:
    with no_triggers():
        execute(
            f"UPDATE audit_auditevent SET {column} = %s WHERE id = %s",
            FORGED.get(column, "forged"),
            trail[index].pk,
        )
    assert is_broken_at(trail[index])


def test_a_company_that_was_taken_away_shows(trail: list[AuditEvent]) -> None:
    with no_triggers():
        execute("UPDATE audit_auditevent SET company_id = NULL WHERE id = %s", trail[1].pk)
    assert is_broken_at(trail[1])


@pytest.mark.parametrize("index", [0, 1, 3])
def test_a_deleted_row_shows(trail: list[AuditEvent], index: int) -> None:
    with no_triggers():
        execute("DELETE FROM audit_auditevent WHERE id = %s", trail[index].pk)
    assert is_broken_at(trail[index + 1])


def test_rows_cut_off_at_the_end_show_by_the_head_that_was_kept_elsewhere(trail: list[AuditEvent]) -> None:
    kept = verify().head
    with no_triggers():
        execute("DELETE FROM audit_auditevent WHERE id >= %s", trail[3].pk)
    assert verify().head != kept


def test_two_rows_that_changed_places_show(trail: list[AuditEvent]) -> None:
    with no_triggers():
        execute("UPDATE audit_auditevent SET id = -1 WHERE id = %s", trail[1].pk)
        execute("UPDATE audit_auditevent SET id = %s WHERE id = %s", trail[1].pk, trail[3].pk)
        execute("UPDATE audit_auditevent SET id = %s WHERE id = -1", trail[3].pk)
    assert is_broken_at(trail[1])


def copy_of(row: AuditEvent, **changes: object) -> AuditEvent:
    values = {name: getattr(row, name) for name in COLUMNS} | changes
    return AuditEvent(**values)


def test_a_copy_of_a_genuine_row_put_in_again_shows(trail: list[AuditEvent]) -> None:
    for row in (trail[1], trail[4]):
        with transaction.atomic():
            again = copy_of(row)
            again.save(force_insert=True)
            assert is_broken_at(again)
            transaction.set_rollback(True)


def test_a_row_put_in_between_shows(trail: list[AuditEvent]) -> None:
    with no_triggers():
        for row in reversed(trail[2:]):
            execute("UPDATE audit_auditevent SET id = id + 1 WHERE id = %s", row.pk)
    put_in = copy_of(trail[2], pk=trail[2].pk, event=Event.USER_CREATED.value)
    put_in.save(force_insert=True)
    assert is_broken_at(put_in)


def test_a_row_put_in_before_the_first_shows(trail: list[AuditEvent]) -> None:
    put_in = copy_of(trail[0], pk=0)
    put_in.save(force_insert=True)
    assert is_broken_at(trail[0])


def test_a_row_sealed_with_another_key_shows(trail: list[AuditEvent], settings: Settings) -> None:
    ours, settings.FIELD_KEYS = settings.FIELD_KEYS, "k1:" + "B" * 43
    forged = copy_of(trail[4], event=Event.USER_CREATED.value)
    forged.mac = seal(trail[4].mac, forged)
    forged.save(force_insert=True)
    settings.FIELD_KEYS = ours
    assert is_broken_at(forged)


def test_everything_written_anew_from_the_first_row_on_shows(
    trail: list[AuditEvent], settings: Settings
) -> None:
    ours, settings.FIELD_KEYS = settings.FIELD_KEYS, "k1:" + "B" * 43
    before = "0" * 64
    with no_triggers():
        for row in trail:
            row.actor_name = "ben"
            row.mac = before = seal(before, row)
            row.save()
    assert verify().broken_at is None
    settings.FIELD_KEYS = ours
    assert is_broken_at(trail[0])


def test_the_chain_goes_on_over_a_rotation_of_keys(
    trail: list[AuditEvent], clock: Clock, settings: Settings
) -> None:
    settings.FIELD_KEYS = f"k2:{'B' * 43}," + settings.FIELD_KEYS
    with unit():
        record(Event.LOGIN_PASSWORD_REFUSED, origin=Origin(), at=clock())
    assert verify() == Verdict(rows=6, head=AuditEvent.objects.latest("id").mac, broken_at=None)


# --- retention ---------------------------------------------------------------------------------------------------------


def test_old_rows_go_and_the_rest_of_the_chain_holds(trail: list[AuditEvent], clock: Clock) -> None:
    assert prune(before=trail[3].at, now=clock()) == 3
    kept = list(AuditEvent.objects.order_by("id"))
    assert [row.pk for row in kept[:2]] == [trail[3].pk, trail[4].pk]
    assert (kept[2].event, kept[2].details) == (Event.AUDIT_PRUNED, {"rows": 3, "up_to": trail[2].pk})
    assert verify() == Verdict(rows=3, head=kept[2].mac, broken_at=None)


def test_where_nothing_is_old_nothing_happens(trail: list[AuditEvent], clock: Clock) -> None:
    assert prune(before=trail[0].at, now=clock()) == 0
    assert not Anchor.objects.exists()
    assert AuditEvent.objects.count() == 5


def test_a_trail_may_be_pruned_whole_and_again_and_goes_on(trail: list[AuditEvent], clock: Clock) -> None:
    assert prune(before=clock(), now=clock()) == 5
    assert verify().broken_at is None
    clock.forward(days=1)
    assert prune(before=clock(), now=clock()) == 1
    with unit():
        record(Event.LOGIN_PASSWORD_REFUSED, origin=Origin(), at=clock())
    assert [row.pk > trail[4].pk + 1 for row in AuditEvent.objects.all()] == [True, True]
    assert verify().broken_at is None
    assert verify().rows == 2


def test_an_old_row_after_a_newer_one_stays_with_it(trail: list[AuditEvent], clock: Clock) -> None:
    """Clocks of machines differ; the trail is cut at one place, never in the middle."""
    with unit():
        record(Event.LOGIN_PASSWORD_REFUSED, origin=Origin(), at=trail[0].at - timedelta(days=9))
    assert prune(before=trail[1].at, now=clock()) == 1
    assert verify().broken_at is None


def test_what_is_not_behind_an_anchor_stays_undeletable(trail: list[AuditEvent], clock: Clock) -> None:
    prune(before=trail[3].at, now=clock())
    with pytest.raises(DatabaseError, match="cannot be"), transaction.atomic():
        execute("DELETE FROM audit_auditevent WHERE id = %s", trail[3].pk)


def test_an_anchor_without_our_signature_shows(trail: list[AuditEvent], clock: Clock) -> None:
    Anchor.objects.create(event_id=trail[3].pk, mac=trail[3].mac, at=clock(), signature="0" * 64)
    execute("DELETE FROM audit_auditevent WHERE id <= %s", trail[3].pk)
    verdict = verify()
    assert verdict.broken_at == trail[3].pk
    assert "signature" in verdict.reason


@pytest.mark.parametrize(
    "change", ["event_id = event_id + 1", "mac = '0'", "at = '2020-01-01 00:00:00+00:00'", "signature = ''"]
)
def test_a_changed_anchor_shows(trail: list[AuditEvent], clock: Clock, change: str) -> None:
    prune(before=trail[3].at, now=clock())
    with no_triggers():
        execute(f"UPDATE audit_anchor SET {change}")
    assert verify().broken_at is not None


def test_a_deleted_anchor_shows(trail: list[AuditEvent], clock: Clock) -> None:
    prune(before=trail[3].at, now=clock())
    with no_triggers():
        execute("DELETE FROM audit_anchor")
    assert is_broken_at(trail[3])


def test_an_older_anchor_in_place_of_the_newest_shows(trail: list[AuditEvent], clock: Clock) -> None:
    prune(before=trail[2].at, now=clock())
    prune(before=trail[4].at, now=clock())
    with no_triggers():
        execute("DELETE FROM audit_anchor WHERE event_id = %s", trail[3].pk)
    assert is_broken_at(trail[4])


def test_a_row_put_in_where_others_were_pruned_shows(trail: list[AuditEvent], clock: Clock) -> None:
    """It would be read as history, and stands before the place where the chain begins now."""
    prune(before=trail[3].at, now=clock())
    put_in = copy_of(trail[1], pk=trail[1].pk, event=Event.USER_CREATED.value)
    put_in.save(force_insert=True)
    assert is_broken_at(put_in)


# --- the command -------------------------------------------------------------------------------------------------------


def test_the_command_tells_an_intact_trail_from_a_broken_one(
    trail: list[AuditEvent], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("audit", "verify")
    assert capsys.readouterr().out == f"intact: 5 events, head {trail[4].mac}\n"
    with no_triggers():
        execute("UPDATE audit_auditevent SET actor_name = 'mallory' WHERE id = %s", trail[2].pk)
    with pytest.raises(CommandError, match=f"broken at event {trail[2].pk}") as raised:
        call_command("audit", "verify")
    assert raised.value.returncode == 1


def test_the_command_prunes_but_never_the_last_thirty_days(
    trail: list[AuditEvent], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="at least 30 days"):
        call_command("audit", "prune", "--days", "29")
    call_command("audit", "prune", "--days", "99999")
    assert capsys.readouterr().out == "deleted 0 events\n"
    with pytest.raises(CommandError):
        call_command("audit")


@pytest.mark.django_db(transaction=True)
def test_the_exit_status_is_0_for_an_intact_trail_and_1_for_a_broken_one(trail: list[AuditEvent]) -> None:
    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", "audit", "verify"],
            cwd=Path(__file__).parents[2],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    intact = run()
    assert (intact.returncode, intact.stdout) == (0, f"intact: 5 events, head {trail[4].mac}\n")
    with no_triggers():
        execute("DELETE FROM audit_auditevent WHERE id = %s", trail[0].pk)
    broken = run()
    assert broken.returncode == 1
    assert f"broken at event {trail[1].pk}" in broken.stderr
    assert "Traceback" not in broken.stderr

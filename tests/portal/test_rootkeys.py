"""The root keys of a database: a node with others does not start, whatever its keys are called."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from audit import rootkeys
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin, record
from audit.verify import prune
from core.db import unit
from core.models import RootKey
from tests.conftest import Clock
from tests.parallel import in_parallel
from tests.services.database import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ONE, TWO, THREE = (f"k{number}:" + letter * 43 for number, letter in ((1, "A"), (2, "B"), (3, "C")))
OTHER_ONE = "k1:" + "D" * 43
REFUSED = "FIELD_KEYS does not hold the keys of this database: "


def kept() -> set[str]:
    return set(RootKey.objects.values_list("key_id", flat=True))


def note(clock: Clock) -> None:
    with unit():
        record(Event.LOGIN_PASSWORD_REFUSED, origin=Origin(), at=clock())
    clock.forward(days=1)


def refusal() -> str:
    before = kept()
    with pytest.raises(ImproperlyConfigured, match=REFUSED) as raised:
        rootkeys.claim()
    assert kept() == before
    assert "BBBB" not in str(raised.value)
    assert "DDDD" not in str(raised.value)
    return str(raised.value).removeprefix(REFUSED)


def test_other_keys_than_those_of_the_database_are_refused_by_name(settings: Settings) -> None:
    settings.FIELD_KEYS = ONE
    rootkeys.claim()
    rootkeys.claim()
    assert kept() == {"k1"}
    assert "AAAA" not in RootKey.objects.get().proof
    settings.FIELD_KEYS = OTHER_ONE
    assert refusal() == "k1 is another key there."
    settings.FIELD_KEYS = f"{TWO},{OTHER_ONE}"
    assert refusal() == "k1 is another key there."
    settings.FIELD_KEYS = f"{TWO},{THREE}"
    assert refusal() == "that has k1, and FIELD_KEYS k2, k3."


def test_a_new_key_comes_beside_a_known_one_and_stays_when_that_has_gone(settings: Settings) -> None:
    for field_keys in (ONE, f"{ONE},{TWO}", ONE, f"{TWO},{ONE}", TWO):
        settings.FIELD_KEYS = field_keys
        rootkeys.claim()
        if field_keys == f"{TWO},{ONE}":
            call_command("reseal")  # else the signing key would not open any more
    assert kept() == {"k1", "k2"}
    call_command("reseal", "--dry-run")
    assert kept() == {"k1", "k2"}
    call_command("reseal")
    assert kept() == {"k2"}
    settings.FIELD_KEYS = ONE
    assert refusal() == "that has k2, and FIELD_KEYS k1."


def test_where_no_proof_is_kept_yet_the_trail_tells(settings: Settings, clock: Clock) -> None:
    settings.FIELD_KEYS = ONE
    note(clock)
    for rest in ("one event", "two events", "an anchor"):
        settings.FIELD_KEYS = TWO
        assert refusal() == "the newest event of its trail was not sealed under k2.", rest
        settings.FIELD_KEYS = f"{TWO},{ONE}"
        rootkeys.claim()
        assert kept() == {"k1", "k2"}, rest
        RootKey.objects.all().delete()
        settings.FIELD_KEYS = ONE
        note(clock)
        if rest == "two events":
            prune(before=clock.forward(days=1), now=clock())
            assert AuditEvent.objects.count() == 1


def test_no_command_writes_under_other_keys(settings: Settings, clock: Clock, tmp_path: Path) -> None:
    settings.FIELD_KEYS = ONE
    note(clock)
    rootkeys.claim()
    settings.FIELD_KEYS = OTHER_ONE
    events = AuditEvent.objects.count()
    for command in (
        ["reseal"],
        ["reseal", "--dry-run"],
        ["administrator", "root@portal.example"],
        ["audit", "prune", "--days=30"],
    ):
        with pytest.raises(ImproperlyConfigured, match=REFUSED):
            call_command(*command)
    with pytest.raises(CommandError, match=f"broken at event .* {REFUSED}k1"):
        call_command("audit", "verify")
    assert AuditEvent.objects.count() == events


def test_who_has_lost_the_keys_may_go_on_without_them(settings: Settings, clock: Clock) -> None:
    settings.FIELD_KEYS = ONE
    note(clock)
    rootkeys.claim()
    settings.FIELD_KEYS = TWO
    with pytest.raises(CommandError, match="audit trail: broken at event"):
        call_command("reseal", "--keys-are-lost")
    rootkeys.claim()
    assert kept() == {"k2"}


@pytest.mark.django_db(transaction=True)
def test_a_backup_brings_its_keys_along(settings: Settings, clock: Clock, tmp_path: Path) -> None:
    settings.FIELD_KEYS = ONE
    note(clock)
    call_command("backup", tmp_path / "first")
    assert kept() == set(), "it only looks"
    rootkeys.claim()
    settings.FIELD_KEYS = OTHER_ONE
    with pytest.raises(ImproperlyConfigured, match=REFUSED):
        call_command("backup", tmp_path / "second")
    settings.FIELD_KEYS = f"{TWO},{ONE}"
    call_command("restore", tmp_path / "first", "--replace")
    assert kept() == {"k1", "k2"}
    call_command("backup", tmp_path / "second")
    settings.FIELD_KEYS = f"{TWO},{OTHER_ONE}"
    with pytest.raises(CommandError, match=rf"{REFUSED}k1 is another key there\. Nothing was changed\."):
        call_command("restore", tmp_path / "second", "--replace")


@pytest.mark.django_db(transaction=True)
def test_of_two_nodes_with_different_keys_the_second_does_not_start(tmp_path: Path) -> None:
    """Both at the same moment, on a database that has no keys yet."""
    connection.close()
    ended: list[tuple[int | None, str]] = []

    def start(number: int) -> None:
        folder = tmp_path / str(number)
        command = [sys.executable, "manage.py", "serve", "--only", "clock"]
        mine = {"DATA_DIR": str(folder), "FIELD_KEYS": (ONE, TWO)[number]}
        with subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            env=environment() | mine,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as node:
            assert node.stdout is not None
            said = ""
            for line in node.stdout:
                said += line
                if "Ctrl-C stops everything" in line:
                    node.terminate()
            ended.append((node.wait(), said))

    in_parallel(2, start)
    assert sorted(code for code, _said in ended) == [0, 1], ended
    [refused] = [said for code, said in ended if code]
    assert refused.startswith(REFUSED)
    assert "Traceback" not in refused
    assert RootKey.objects.count() == 1

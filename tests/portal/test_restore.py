"""The drill: a backup while people sign in, a restore, and nothing lives again that was over; on both databases."""

import gc
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Browser, Session, SessionKind, SigningKey, User
from accounts.sessions import Client, start_session
from audit.events import Event
from audit.models import AuditEvent, Rotation
from audit.verify import cover, verify
from cobrowse.models import AgentToken, CobrowseSession, Participant
from core.models import Epoch, RootKey, Tally
from delivery.models import Delivery, State
from portal.backup import archive
from tests import cast
from tests.admin.test_cobrowse_sessions import one_of
from tests.journeys.doors import ApiDoor
from tests.parallel import in_parallel
from tests.services.database import environment
from tests.waiting import until
from twofactor.models import Challenge

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
PASSWORD = "a lantern in the harbour 7"
ADA, BEN = "ada@acme.example", "ben@acme.example"
CLIENT = Client(address="192.0.2.1", user_agent="Test/1.0")


def restoring(file: Path) -> "subprocess.Popen[bytes]":
    """A restore in a process of its own, on the test's own database, which nobody else is connected to."""
    connections.close_all()
    command = [sys.executable, "manage.py", "restore", "--replace", str(file)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], env=environment())


@pytest.fixture(autouse=True)
def _alone() -> None:
    """What a thread of an earlier test left open is closed when it is collected; a restore rightly refuses until then."""
    gc.collect()


@pytest.fixture
def people(ada: User, ben: User, settings: Settings) -> tuple[User, User]:
    """Ada needs a second factor, Ben does not."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for user in (ada, ben):
        user.password, user.password_changed_at = make_password(PASSWORD), timezone.now()
        user.save()
    return ada, ben


def signed_in(name: str = BEN) -> ApiDoor:
    door = ApiDoor()
    door.begin(name)
    door.take("password", password=PASSWORD)
    return door


def sign_ins_until(done: threading.Event, user: User) -> None:
    """Four threads sign in for as long as that takes."""

    def work(_number: int) -> None:
        while not done.is_set():
            started = start_session(
                user, kind=SessionKind.PAGE, methods=["pwd"], client=CLIENT, browser=None, now=timezone.now()
            )
            assert started is not None

    in_parallel(4, work)


def read(file: Path) -> archive.Manifest:
    with file.open("rb") as opened:
        return archive.read_manifest(opened)


def test_a_backup_taken_while_people_sign_in_brings_back_that_moment_and_nothing_that_was_over(
    people: tuple[User, User], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _ada, ben = people
    file = tmp_path / "one.backup"
    program, spent, page = signed_in(), signed_in(), cast.browser(ben)
    asked = signed_in(ADA)
    assert (asked.body["step"], program.is_in(), page.get("/account/").status_code) == ("code", True, 200)
    Browser.objects.create(
        user=ben,
        fingerprint="b" * 64,
        first_seen_at=timezone.now(),
        last_seen_at=timezone.now(),
        remembered_until=timezone.now() + timedelta(days=9),
        remembered_version=ben.security_version,
    )
    assert Delivery.objects.filter(state=State.QUEUED).count() == 1
    assert ben.company is not None
    looked_at = one_of(ben.company)
    Participant.objects.create(
        session=looked_at, number=1, role=1, fingerprint="c" * 64, joined_at=timezone.now()
    )
    AgentToken.objects.create(
        session=looked_at,
        sign_in=ben.sessions.latest("pk"),
        right="view",
        created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=1),
    )
    least = Session.objects.count()

    done = threading.Event()
    signing_in = threading.Thread(target=sign_ins_until, args=[done, ben])
    signing_in.start()
    try:
        while Session.objects.count() < least + 4:
            time.sleep(0.01)
        call_command("backup", file)
    finally:
        done.set()
        signing_in.join(60)
    assert (
        "The root keys are not in it. Without k1 of FIELD_KEYS it cannot be restored"
        in capsys.readouterr().err
    )
    assert file.stat().st_mode & 0o777 == 0o600
    manifest, most = read(file), Session.objects.count()

    old_refresh, old_handle = spent.refresh, asked.handle
    spent.post("/api/v1/tokens/refresh/", {"refresh_token": old_refresh})
    assert spent.answer.status_code == 200
    after_backup = signed_in()
    cast.person("eve@acme.example", company=ben.company, role=cast.MEMBER)
    signed_in().leave()
    events, version = AuditEvent.objects.count(), Epoch.objects.get().version

    with pytest.raises(CommandError, match=r"add --replace\. Nothing was changed\."):
        call_command("restore", file)
    call_command("restore", file, "--replace")

    assert list(User.objects.order_by("id").values_list("username", flat=True)) == [ADA, BEN]
    assert least + 4 <= Session.objects.count() < most
    assert (
        AuditEvent.objects.count() == manifest.facts.audit_events + 3
    )  # a key was revoked, and another made
    assert verify().broken_at is None
    newest = AuditEvent.objects.latest("id")
    assert newest.event == Event.BACKUP_RESTORED
    assert newest.details["replaced_events"] == events
    # Ended: sessions of before and after, their tokens, the sign-in under way with its code, what was remembered, what was to be sent.
    assert not Session.objects.filter(ended_at=None).exists()
    assert CobrowseSession.objects.get().ended_reason == "restored"
    assert not Participant.objects.filter(left_at=None).exists()
    assert not AgentToken.objects.filter(revoked_at=None).exists()
    assert not program.is_in()
    assert not after_backup.is_in()
    assert page.get("/account/").status_code == 302
    for token in (old_refresh, spent.refresh, program.refresh, after_backup.refresh):
        assert ApiDoor().post("/api/v1/tokens/refresh/", {"refresh_token": token}).status == 401
    asked.handle = old_handle
    assert asked.take("code", code="000000").status == 401
    assert not Challenge.objects.filter(used_at=None).exists()
    assert not Browser.objects.exclude(remembered_until=None).exists()
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.CANCELLED}
    assert [(key.number, key.revoked_at is None) for key in SigningKey.objects.all()] == [
        (2, True),
        (1, False),
    ]
    assert Epoch.objects.get().version > version
    assert signed_in().is_in()
    assert verify().broken_at is None


def test_a_backup_of_an_older_version_is_brought_up_to_date(people: Any, tmp_path: Path) -> None:
    file = tmp_path / "older.backup"
    for app, last in (("audit", "0003"), ("core", "0002")):
        call_command("migrate", app, last, verbosity=0)
    call_command("backup", file)
    call_command("restore", file, "--replace")
    assert not Rotation.objects.exists()  # the table is there again
    assert RootKey.objects.get().key_id == "k1"
    call_command("migrate", check=True, plan=True, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM audit_anchor")
    assert cover(now=timezone.now()).broken_at is None


def test_a_backup_that_is_told_to_stop_leaves_nothing_of_the_database_behind(
    people: tuple[User, User],
) -> None:
    def drafts() -> list[Path]:
        return list(Path(configured.DATA_DIR).glob(".gatehouse-backup-*"))

    command = [sys.executable, "manage.py", "backup", "-"]
    where = {"cwd": Path(__file__).parents[2], "env": environment()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **where) as running:
        until(drafts, seconds=20)  # nobody reads, so it does not end by itself
        running.terminate()
        assert running.wait(10) == 143
    assert drafts() == []


def test_killed_at_any_point_a_restore_leaves_the_old_data_or_the_new_and_can_be_run_again(
    people: tuple[User, User], tmp_path: Path
) -> None:
    _ada, ben = people
    file = tmp_path / "one.backup"
    cast.browser(ben)
    call_command("backup", file)
    draft = Path(configured.DATA_DIR) / "restoring"
    if connection.vendor == "sqlite":
        draft = Path(str(connection.settings_dict["NAME"]) + ".restoring")
    seen = set()
    for pause in (0.05, 0.3):
        cast.person(f"eve{pause}@acme.example", company=ben.company, role=cast.MEMBER)
        running = restoring(file)
        while not draft.exists() and running.poll() is None:
            time.sleep(0.001)
        time.sleep(pause)
        running.kill()
        running.wait()
        is_new = User.objects.count() == 2
        seen.add(is_new)
        assert verify().broken_at is None
        assert Session.objects.filter(ended_at=None).exists() is not is_new
        assert AuditEvent.objects.filter(event=Event.BACKUP_RESTORED).exists() is is_new
        if is_new:
            cast.browser(ben)
    assert False in seen
    call_command("restore", file, "--replace")
    assert User.objects.count() == 2
    assert not draft.exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a server looks after its own files")
def test_the_log_of_the_old_file_never_gets_into_the_new_one(people: Any, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    call_command("backup", file)
    name = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(name)) as other:
        other.execute("INSERT INTO core_tally VALUES ('late', 1, 1, 1, 0, 9e9, 0)")
        other.commit()
        with pytest.raises(CommandError, match=r"Another process uses the database\. Nothing was changed\."):
            call_command("restore", file, "--replace")
        assert Tally.objects.filter(key="late").exists()
        log = Path(f"{name}-wal").read_bytes()
    connections.close_all()
    Path(name).write_bytes(b"not a database any more" * 1_000)
    Path(f"{name}-wal").write_bytes(log)
    call_command("restore", file, "--replace")
    assert not Tally.objects.filter(key="late").exists()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        assert cursor.fetchone() == ("ok",)
    assert verify().broken_at is None


@pytest.mark.postgresql_only  # SQLite needs no programs
def test_programs_that_are_missing_or_too_old_are_named_and_no_password_is_on_a_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal() -> str:
        with pytest.raises(CommandError) as raised:
            call_command("backup", tmp_path / "one.backup")
        return str(raised.value)

    program = tmp_path / "pg_dump"
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr("shutil.which", lambda _name: str(program) if program.exists() else None)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "kept-off-the-line")
    assert "pg_dump is needed" in refusal()
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    program.chmod(0o700)
    assert "of version 9 and the server of" in refusal()
    program.write_text(
        '#!/bin/sh\ntest "$1" = --version && echo "pg_dump 99.1" && exit\necho "asked: $*, by $PGPASSWORD" >&2; exit 1\n'
    )
    asked, _, password = refusal().partition(", by ")
    assert "--dbname=" in asked
    assert ("kept-off-the-line" in asked, password) == (False, "kept-off-the-line")
    assert not (tmp_path / "one.backup").exists()

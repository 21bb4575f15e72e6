"""What is away: the mail server, the database, the disk. Nothing is lost and nothing is half-done."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import Session, User
from audit.models import AuditEvent
from audit.verify import verify
from delivery.models import Delivery, State
from login.models import Attempt
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time
from tests.services import free_port

ADA, BEN = "ada@acme.example", "ben@acme.example"


@pytest.mark.django_db
def test_with_a_dead_mail_server_the_person_reads_that_the_code_is_late_and_gets_it_later(
    door: Door, ada: User, post: Post, settings: Settings, clock: Time
) -> None:
    alive = settings.EMAIL_URL
    settings.EMAIL_URL = f"smtp://127.0.0.1:{free_port()}"
    said = sign_in(door, ADA, PASSWORD)
    assert said.step == "code"
    post.deliver()
    clock.forward(seconds=16)
    said = door.take("resend")
    assert not said.refused
    post.deliver()
    if isinstance(door, WebDoor):
        said_late = door.open("/login/code/").text
        assert "The code is late: the mail server does not answer" in said_late
        assert "Send another code" in said_late
    else:
        assert door.take("password", password="out of turn").facts["delivery"] == "late"
    assert "cannot be used" in Delivery.objects.latest("id").error  # what the administrator sees
    settings.EMAIL_URL = alive
    clock.forward(minutes=2)
    assert len(post.to(ADA)) == 1  # retried by itself; of two codes the one that is good
    assert door.take("code", code=post.code(ADA)).step == "done"


@pytest.mark.django_db
def test_an_address_that_the_server_refuses_is_told_as_such(door: Door, ada: User, post: Post) -> None:
    post.box.refuse[ADA] = "550 no such mailbox"
    sign_in(door, ADA, PASSWORD)
    post.deliver()
    if isinstance(door, WebDoor):
        assert "could not be delivered" in door.open("/login/code/").text
    else:
        assert door.take("password", password="out of turn").facts["delivery"] == "failed"
    assert Delivery.objects.get().state == State.FAILED
    assert AuditEvent.objects.filter(event="delivery:message:failed").exists()


@contextmanager
def _write_lock() -> Iterator[None]:
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.fixture
def impatient(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection to SQLite that waits a moment for a lock, not ten seconds."""
    if connection.vendor != "sqlite":
        pytest.skip("a write lock on the whole database is SQLite's")
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    yield
    connection.close()


def _everything() -> tuple[int, ...]:
    tables = Attempt, Session, Delivery, AuditEvent
    return tuple(table.objects.count() for table in tables)


@pytest.mark.parametrize("at", ["begin", "password", "code", "forgotten"])
@pytest.mark.django_db(transaction=True)
def test_a_locked_database_is_said_and_nothing_is_half_done(
    impatient: None, door: Door, ada: User, post: Post, at: str
) -> None:
    if at in {"password", "code"}:
        door.begin(ADA)
    if at == "code":
        door.take("password", password=PASSWORD)
    code = post.code(ADA) if at == "code" else ""
    before = _everything()
    with _write_lock():
        if at == "begin":
            said = door.begin(ADA)
        elif at == "forgotten":
            said = door.forgotten(ADA)
        else:
            said = door.take(at, password=PASSWORD) if at == "password" else door.take(at, code=code)
        assert said.status == 503
        if isinstance(door, ApiDoor):
            assert said.facts["code"] == "unavailable"
            assert door.answer["Retry-After"]
        else:
            assert "Nothing has changed" in said.text
    assert _everything() == before
    if at == "code":
        assert _code_again(door, code).step == "done"
    elif at == "password":
        assert _password_again(door).step == "code"
    assert verify().broken_at is None


def _code_again(door: Door, code: str) -> Said:
    if isinstance(door, WebDoor):
        door.open("/login/code/")
    return door.take("code", code=code)


def _password_again(door: Door) -> Said:
    if isinstance(door, WebDoor):
        door.open("/login/password/")
    return door.take("password", password=PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_a_locked_database_stops_no_reader_and_ends_no_session(
    impatient: None, web: WebDoor, ben: User, clock: Time
) -> None:
    sign_in(web, BEN, PASSWORD)
    web.browser.raise_request_exception = False
    with _write_lock():
        assert web.is_in()
        clock.forward(minutes=2)  # now the time of the last use is due to be written
        assert web.browser.get("/account/").status_code in {200, 503}
    assert web.is_in()


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_said_and_nothing_is_half_done(
    impatient: None, door: Door, ada: User, post: Post
) -> None:
    door.begin(ADA)
    before = _everything()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        cursor.execute("PRAGMA freelist_count")
        (free,) = cursor.fetchone()
    statuses = []
    for _ in range(300 + 40 * free):
        said = door.stranger().begin(BEN)
        statuses.append(said.status)
        if said.status == 503:
            break
    assert statuses[-1] == 503
    connection.close()  # with it goes the limit: there is room again
    assert _everything()[1:] == before[1:]
    assert _password_again(door).step == "code"

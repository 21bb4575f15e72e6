"""A database that takes questions and answers none: noticed once, and nobody else waits for it."""

import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from core import silence
from core.postgres import base
from core.silence import Silence


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silence that is noticed after a twentieth of a second."""
    monkeypatch.setattr(silence, "PATIENCE_SECONDS", 0.05)


def test_a_question_that_stays_open_is_a_silence_until_the_next_answer() -> None:
    database = Silence()
    with database.asking():
        assert not database.lasts
        time.sleep(0.1)
        assert database.lasts
    assert not database.lasts


def test_a_question_that_fails_late_does_not_end_it_and_one_that_fails_at_once_begins_none() -> None:
    database = Silence()
    for wait, lasts in ((0.0, False), (0.1, True), (0.0, True)):
        with pytest.raises(OSError), database.asking():  # noqa: PT011, PT012
            time.sleep(wait)
            raise OSError
        assert database.lasts is lasts


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that was asked a while ago."""
    database = Silence()
    monkeypatch.setattr(silence, "database", database)
    with database.asking():
        time.sleep(0.1)
        yield


def test_meanwhile_nobody_waits_for_it(hanging: None, client: Client, settings: Settings) -> None:
    """No database is allowed in this test: whoever asked it would fail otherwise."""
    program = client.post("/api/v1/login/", "{}", content_type="application/json")
    assert (program.status_code, program.json()["code"]) == (503, "unavailable")
    for answer in (program, client.get("/login/")):
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert client.get("/livez").status_code == 200


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_statement_waits_so_long_and_its_connection_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no server that could hang")
    connection.close()
    monkeypatch.setattr(base, "_patience", 0.1)
    began = time.monotonic()
    with pytest.raises(OperationalError, match="in time"), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_sleep(3)")
    assert time.monotonic() - began < 2
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)
    connection.close()

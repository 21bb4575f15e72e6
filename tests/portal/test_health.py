"""What a watcher is told."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.db import DatabaseError, connection
from django.test import Client
from pytest_django import Settings

from core import epoch
from portal import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopping() -> Iterator[Path]:
    """The sign that `serve` puts up when it is told to stop."""
    sign = health.stop_sign()
    sign.touch()
    yield sign
    sign.unlink()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7:8000", "nobody.example"])
def test_a_healthy_process_says_so_to_anyone_under_any_name(client: Client, path: str, host: str) -> None:
    answer = client.get(path, HTTP_HOST=host)
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert answer["Cache-Control"] == "no-store"
    assert client.post(path).status_code == 405


def test_watchers_are_not_sent_to_another_scheme(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/readyz").status_code == 200


def test_a_dead_database_makes_it_alive_but_not_ready(client: Client) -> None:
    def dead(*args: object) -> None:
        raise DatabaseError("connection to 10.0.0.7 refused")

    with connection.execute_wrapper(dead):
        assert client.get("/livez").status_code == 200
        answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"database\n")


def test_a_database_that_hangs_is_told_without_asking_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(configured, "EPOCH_POLL_SECONDS", 0.25)
    reader = epoch._Reader()
    reader._pid, reader._read_at = os.getpid(), time.monotonic() - epoch.TOO_LONG - 0.1
    monkeypatch.setattr(epoch, "_reader", reader)

    def asked(*args: object) -> None:
        raise AssertionError("the database was asked")

    with connection.execute_wrapper(asked):
        began = time.monotonic()
        assert client.get("/readyz").content == b"database\n"
        assert time.monotonic() - began < 0.2
        reader._read_at = time.monotonic()
        assert client.get("/readyz").content == b"ok\n"


def test_one_who_waits_for_the_first_answer_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured, "EPOCH_POLL_SECONDS", 0.25)
    reader = epoch._Reader()
    with reader._lock:
        assert reader.silent_for() == float("inf")


def test_a_database_older_than_the_code_makes_it_unready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_schema", health._Schema())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'core' AND name NOT LIKE '0001%'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"migrations\n")


def test_who_is_about_to_stop_is_not_ready(client: Client, stopping: Path) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"stopping\n")
    assert client.get("/livez").status_code == 200

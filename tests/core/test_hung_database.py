"""A database that takes questions and answers none: noticed once, and nobody else waits for it."""

import os
import time
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from core import epoch
from core.postgres import base


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> epoch._Reader:
    """A database that was last heard too long ago."""
    reader = epoch._Reader()
    reader._pid, reader._read_at = os.getpid(), time.monotonic() - epoch.TOO_LONG - 0.1
    monkeypatch.setattr(epoch, "_reader", reader)
    return reader


def test_meanwhile_nobody_waits_for_it(
    hanging: epoch._Reader, client: Client, settings: Settings, tmp_path: Path
) -> None:
    """No database is allowed in this test: whoever asked it would fail otherwise."""
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "page.css").write_text("h1 {}")
    page = client.get("/login/", headers={"Accept-Language": "de"})
    # Second, for it leaves this thread in English again.
    program = client.post("/api/v1/login/", "{}", content_type="application/json")
    assert (program.status_code, program.json()["code"]) == (503, "unavailable")
    for answer in (program, page):
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert 'lang="de"' in page.content.decode()
    assert client.get("/livez").status_code == 200
    assert client.get("/static/page.css").status_code == 200


def test_it_lasts_until_the_next_answer_and_only_where_somebody_listens(hanging: epoch._Reader) -> None:
    assert epoch.is_silent()
    hanging._pid += 1  # a child that was forked hears nothing yet
    assert not epoch.is_silent()
    hanging._pid, hanging._read_at = os.getpid(), time.monotonic()
    assert not epoch.is_silent()


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_statement_waits_so_long_and_its_connection_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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

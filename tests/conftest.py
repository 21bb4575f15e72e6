"""Fixtures that every test may ask for."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from pytest_django import DjangoDbBlocker


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        """Move on by so many seconds, minutes, hours or days."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it."""
    return Clock()


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database where transactions commit, as threads and on_commit need it; left as it was found.

    Django's own transactional fixture empties the tables, which the triggers of the audit trail refuse.
    """
    with django_db_blocker.unblock():
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            with sqlite3.connect(":memory:") as before:
                connection.connection.backup(before)
                yield
                connections.close_all()
                connection.ensure_connection()
                before.backup(connection.connection)
            before.close()
        else:
            yield
            _empty_postgresql()
        connections.close_all()


def _empty_postgresql() -> None:
    own = {label.split(".")[0] for label in settings.INSTALLED_APPS if "." not in label}
    tables = [model._meta.db_table for model in apps.get_models() if model._meta.app_label in own]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # triggers rest
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        cursor.execute("SET session_replication_role = DEFAULT")

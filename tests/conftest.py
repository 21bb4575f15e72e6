"""Fixtures that every test may ask for."""

import gc
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.urls import get_resolver
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.models import User
from accounts.tokens.keys import drawn_key
from core import epoch
from portal import translations
from tenants.models import Company
from tests import cast
from tests.publisher import publisher  # noqa: F401

BEGAN = timezone.now()
_own_name = settings.DATABASES["default"]["NAME"]  # before pytest-django turns to a test database


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what SQLite has no counterpart of: tests/test_on_postgresql.py runs it, so nothing is skipped."""
    if connection.vendor == "sqlite":
        left_out = [item for item in items if item.get_closest_marker("postgresql_only")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it."""
    return Clock()


@pytest.fixture(scope="session", autouse=True)
def translated() -> None:
    """The translations, made before anything is: Django reads each language once."""
    translations.compile_into(Path(settings.DATA_DIR) / "locale")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The test databases; after a test with real commits they are put back as they were.

    Django empties the tables, which the triggers of the audit trail refuse, as they should.
    """
    if connection.settings_dict["NAME"] == _own_name:
        return  # no test of this run asked for a database
    with django_db_blocker.unblock():
        drawn_key(number=1, active_from=BEGAN, now=BEGAN).save()  # what a start makes
        connection.ops.execute_sql_flush = (
            _snapshot() if connection.vendor == "sqlite" else _truncate_but(_rows())
        )


def _snapshot() -> Callable[[object], None]:
    """Keeps the whole database as it is now, and puts it back when it is to be emptied."""
    connection.ensure_connection()
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    connection.connection.backup(kept)

    def restore(statements: object) -> None:
        connection.ensure_connection()
        kept.backup(connection.connection)

    return restore


def _rows() -> dict[str, bytes]:
    """What the migrations put into the tables: the built-in roles and what belongs to them."""
    with connection.cursor() as cursor:
        rows = {}
        for table in connection.introspection.django_table_names(only_existing=True):
            with cursor.copy(f"COPY {connection.ops.quote_name(table)} TO STDOUT") as out:
                rows[table] = b"".join(out)
    return {table: text for table, text in rows.items() if text}


def _truncate_but(kept: dict[str, bytes]) -> Callable[[list[str]], None]:
    """Empties the tables, and puts back what the migrations had put there."""

    def restore(statements: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")  # triggers rest
            for statement in statements:
                cursor.execute(statement)
            for table, text in kept.items():
                with cursor.copy(f"COPY {connection.ops.quote_name(table)} FROM STDIN") as into:
                    into.write(text)
            cursor.execute("SET session_replication_role = DEFAULT")

    return restore


@cache
def _caches() -> list[epoch.Cached[Any, Any]]:
    assert get_resolver().url_patterns  # loads every module that has one
    return [one for one in gc.get_objects() if issubclass(type(one), epoch.Cached)]


@pytest.fixture(autouse=True)
def _forget() -> None:
    """Every test begins with empty caches: the version row is rolled back with the rest, so the last test's would look fresh."""
    for one in _caches():
        one._held = (0, {})


@pytest.fixture
def browser(db: None) -> cast.Browse:
    """`browser(user)`: a browser in which this person has signed in; `browser()`: a stranger's."""
    return cast.browser


@pytest.fixture
def api(db: None) -> cast.Call:
    """`api(user)`: a program that holds an access token of this person; `api(None)`: a stranger's."""
    return cast.Api


@pytest.fixture
def acme(db: None) -> Company:
    """Ada's and Ben's company."""
    return Company.objects.create(name="Acme")


@pytest.fixture
def globex(db: None) -> Company:
    """Cleo's company."""
    return Company.objects.create(name="Globex")


@pytest.fixture
def root(db: None) -> User:
    """Administers the whole installation."""
    return cast.person("root@portal.example", company=None, role=cast.FULL, name="Root")


@pytest.fixture
def ada(acme: Company) -> User:
    """Administers Acme."""
    return cast.person("ada@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR, name="Ada")


@pytest.fixture
def ben(acme: Company) -> User:
    """Belongs to Acme."""
    return cast.person("ben@acme.example", company=acme, role=cast.MEMBER, name="Ben")


@pytest.fixture
def cleo(globex: Company) -> User:
    """Of Globex, which she administers."""
    return cast.person("cleo@globex.example", company=globex, role=cast.COMPANY_ADMINISTRATOR, name="Cleo")

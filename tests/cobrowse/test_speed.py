"""What a session costs in statements, once what is known is known."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core import epoch
from tenants.models import Company
from tests.cobrowse.story import TOKEN, Customer, Desktop, application

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version row is read by a thread in the product, and at every use in tests; here it stands still."""
    monkeypatch.setattr(epoch._reader, "current", lambda: 1)


def statements(do: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        do()
    # The transaction of the test makes savepoints of what is one elsewhere.
    return [one["sql"] for one in seen.captured_queries if "SAVEPOINT" not in one["sql"]]


def test_the_agents_token_costs_no_statement(carol: Customer, acme: Company, ben: User) -> None:
    application(acme, "cluster", token=TOKEN)
    desk = Desktop(ben, TOKEN)
    desk.get("/api/1/users/me")
    assert statements(lambda: desk.get("/api/1/users/me")) == []


def test_a_session_started_joined_and_ended(carol: Customer, acme: Company, ben: User) -> None:
    application(acme, "cluster", token=TOKEN)
    desk = Desktop(ben, TOKEN)
    desk.joins(carol.starts()["sessionToken"])
    desk.does("exit")
    said: dict[str, Any] = {}
    started = statements(lambda: said.update(carol.starts()))
    joined = statements(lambda: desk.joins(said["sessionToken"]))
    ended = statements(lambda: desk.does("exit"))
    # Each with the two of the trail. Joining also counts the digits, holds the agent and asks what else he is in.
    assert (len(started), len(joined), len(ended)) == (5, 11, 6)

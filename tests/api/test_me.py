"""GET me/: what a person is told of himself, and what it costs."""

import cProfile

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core import epoch
from tenants.models import Company
from tests.cast import Browse, Call


def test_ada_reads_who_she_is_and_what_she_may_do(api: Call, ada: User, acme: Company) -> None:
    program = api(ada)
    answer = program.get("me/")
    assert answer.status_code == 200
    said = answer.json()
    assert said["user"]["email"] == "ada@acme.example"
    assert said["company"] == {"id": str(acme.uid), "name": "Acme"}
    assert said["roles"] == ["Company Administrator"]
    assert {"application": "Gatehouse", "name": "Users - Manage"} in said["privileges"]
    assert said["permissions"] == [{"kind": "*", "everywhere": False, "companies": [str(acme.uid)]}]
    assert said["session"]["id"] == str(program.session.uid)
    assert said["session"]["methods"] == ["pwd", "otp"]


def test_no_primary_key_is_told(api: Call, ada: User) -> None:
    assert set(api(ada).get("me/").json()["user"]) & {"pk", "password", "login_key"} == set()


def test_once_known_it_costs_no_statement(
    api: Call, ada: User, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in production, where a thread reads the version: here it stands still.
    version = epoch.current()
    monkeypatch.setattr(epoch, "current", lambda: version)
    program = api(ada)
    program.get("me/")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert program.get("me/").status_code == 200
    assert [one["sql"] for one in asked] == []


def test_what_is_changed_is_told_at_once(api: Call, root: User, ada: User) -> None:
    program = api(ada)
    assert program.get("me/").json()["user"]["display_name"] != "Ada King"
    assert api(root).patch(f"users/{ada.uid}/", {"display_name": "Ada King"}).status_code == 200
    assert program.get("me/").json()["user"]["display_name"] == "Ada King"


def test_it_is_told_in_the_form_that_is_asked_for(api: Call, ada: User) -> None:
    program = api(ada)
    plain = program.get("me/", Accept="application/json")
    indented = program.get("me/", Accept="application/json; indent=2")
    assert program.get("me/", Accept="*/*").content == plain.content
    assert (indented.json(), indented.content.count(b"\n  ") > 5) == (plain.json(), True)
    assert {one.headers["Content-Type"] for one in (plain, indented)} == {"application/json"}
    assert program.get("me/", Accept="text/html").status_code == 406


def test_once_known_it_takes_few_steps(api: Call, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU time is noisy; calls of functions are not. Whoever adds a layer to every request sees it here, and raises this knowingly."""
    version = epoch.current()
    monkeypatch.setattr(epoch, "current", lambda: version)
    program = api(ada)
    program.get("me/")
    counted = cProfile.Profile(builtins=False)
    assert counted.runcall(program.get, "me/").status_code == 200
    assert sum(one.callcount for one in counted.getstats()) <= 620


def test_a_page_session_reads_it_too(browser: Browse, ada: User) -> None:
    assert browser(ada).get("/api/v1/me/").json()["user"]["email"] == "ada@acme.example"


def test_a_stranger_is_asked_for_a_token(api: Call) -> None:
    answer = api(None).get("me/")
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")

"""Runtime settings over REST."""

import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from core.options import declared
from core.outcomes import Denied
from tenants import settings as kept
from tenants.actor import system_actor
from tenants.models import Company, SettingsRevision
from tests.cast import Api, Call

IDLE, HOURS, STRICT = "Session.IdleLockMinutes", "Session.AbsoluteHours", "Login.Security.Strict"


def value(program: Api, name: str, path: str = "settings/") -> object:
    """The value in force."""
    return next(one["value"] for one in program.get(path).json() if one["name"] == name)


def test_every_setting_is_told_with_where_its_value_comes_from(api: Call, root: User) -> None:
    said = {one["name"]: one for one in api(root).get("settings/").json()}
    assert set(said) == set(declared())
    assert said[IDLE] == {
        "name": IDLE,
        "value": 15,
        "default": 15,
        "pinned": False,
        "source": "default",
        "help": said[IDLE]["help"],
        "unit": "minutes",
        "type": "integer",
        "choices": [],
        "minimum": 0,
        "maximum": 1440,
    }
    assert said[STRICT]["type"] == "boolean"


def test_a_change_is_in_force_at_once_and_written_down(api: Call, root: User) -> None:
    program = api(root)
    answer = program.patch("settings/", {"values": {IDLE: 30, STRICT: True}, "reason": "Long calls"})
    assert answer.status_code == 200
    assert {one["name"]: one["source"] for one in answer.json()}[IDLE] == "global"
    assert (value(program, IDLE), value(program, STRICT)) == (30, True)
    event = AuditEvent.objects.get(event="tenants:settings:changed")
    assert event.details["reason"] == "Long calls"
    assert f"{IDLE}: – → 30" in event.details["changes"]
    program.patch("settings/", {"values": {IDLE: None}, "reason": "As it was"})
    assert value(program, IDLE) == 15


def test_the_stricter_policy_is_told_as_the_value_in_force(api: Call, root: User, acme: Company) -> None:
    program, path = api(root), f"companies/{acme.uid}/settings/"
    program.patch(path, {"values": {"TwoFactor.Policy": "off"}, "reason": "x"})
    program.patch("settings/", {"values": {"TwoFactor.Policy": "required"}, "reason": "x"})
    said = next(one for one in program.get(path).json() if one["name"] == "TwoFactor.Policy")
    assert (said["value"], said["source"]) == ("required", "global")


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({IDLE: -1}, 400, "invalid"),
        ({IDLE: 1441}, 400, "invalid"),
        ({IDLE: "soon"}, 400, "invalid"),
        ({IDLE: 7.5}, 400, "invalid"),
        ({IDLE: [15]}, 400, "invalid"),
        ({STRICT: "perhaps"}, 400, "invalid"),
        ({"No.Such": 1}, 400, "unknown_setting"),
        ({}, 409, "nothing_changed"),
        ({IDLE: None}, 409, "nothing_changed"),
        ([], 400, "invalid"),
        (None, 400, "invalid"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    values: object, status: int, code: str, api: Call, root: User
) -> None:
    answer = api(root).patch("settings/", {"values": values, "reason": "Try"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not SettingsRevision.objects.exists()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301, None, 7])
def test_a_change_needs_its_reason(reason: object, api: Call, root: User) -> None:
    answer = api(root).patch("settings/", {"values": {IDLE: 30}, "reason": reason})
    assert answer.status_code == 400
    assert "reason" in answer.json()["errors"]


def test_a_pinned_setting_cannot_be_changed(api: Call, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "pinned", lambda: {IDLE: 5})
    monkeypatch.setattr("tenants.api.pinned", lambda: {IDLE: 5})
    said = {one["name"]: one for one in api(root).get("settings/").json()}[IDLE]
    assert (said["pinned"], said["source"]) == (True, "environment")
    answer = api(root).patch("settings/", {"values": {IDLE: 30}, "reason": "Try"})
    assert (answer.status_code, answer.json()["code"]) == (409, "pinned")


def test_a_companys_value_stands_above_the_global_one_for_it_alone(
    api: Call, root: User, ada: User, acme: Company, globex: Company
) -> None:
    path = f"companies/{acme.uid}/settings/"
    answer = api(ada).patch(path, {"values": {IDLE: 5}, "reason": "Shared desks"})
    assert answer.status_code == 200
    assert value(api(ada), IDLE, path) == 5
    assert value(api(root), IDLE) == 15
    assert value(api(root), IDLE, f"companies/{globex.uid}/settings/") == 15
    assert {one["name"]: one["source"] for one in api(ada).get(path).json()}[IDLE] == "company"


def test_the_settings_of_everyone_and_of_others_are_not_adas(
    api: Call, ada: User, ben: User, globex: Company, acme: Company
) -> None:
    program = api(ada)
    body = {"values": {IDLE: 5}, "reason": "Try"}
    assert program.get("settings/").json()["code"] == "forbidden"
    assert program.patch("settings/", body).json()["code"] == "forbidden"
    theirs = f"companies/{globex.uid}/settings/"
    assert program.get(theirs).status_code == 404
    assert program.patch(theirs, body).status_code == 404
    assert api(ben).get(f"companies/{acme.uid}/settings/").status_code == 404


def test_a_revision_is_rolled_back_by_a_new_one(api: Call, root: User) -> None:
    program = api(root)
    for minutes in (30, 60):
        program.patch("settings/", {"values": {IDLE: minutes}, "reason": f"{minutes} minutes"})
    newest, older = program.get("settings/revisions/").json()["results"]
    assert (newest["number"], newest["values"], newest["author"]) == (2, {IDLE: 60}, "root@portal.example")
    assert program.get(f"settings/revisions/{older['id']}/").json() == older
    answer = program.post(f"settings/revisions/{older['id']}/rollback/", {"reason": "Too long"})
    assert answer.status_code == 201
    assert (answer.json()["number"], answer.json()["values"]) == (3, {IDLE: 30})
    assert value(program, IDLE) == 30
    again = program.post(f"settings/revisions/{older['id']}/rollback/")
    assert again.json()["code"] == "nothing_changed"


def test_revisions_of_everyone_and_of_others_do_not_exist_for_ada(
    api: Call, root: User, ada: User, cleo: User, acme: Company
) -> None:
    api(root).patch("settings/", {"values": {IDLE: 30}, "reason": "All"})
    api(ada).patch(f"companies/{acme.uid}/settings/", {"values": {IDLE: 5}, "reason": "Ours"})
    everyones, ours = SettingsRevision.objects.get(company=None), SettingsRevision.objects.get(company=acme)
    assert [one["id"] for one in api(ada).get("settings/revisions/").json()["results"]] == [str(ours.uid)]
    assert api(cleo).get("settings/revisions/").json()["results"] == []
    for user, revision in ((ada, everyones), (cleo, everyones), (cleo, ours)):
        assert api(user).get(f"settings/revisions/{revision.uid}/").status_code == 404
        assert api(user).post(f"settings/revisions/{revision.uid}/rollback/").status_code == 404


def test_reading_the_settings_costs_a_handful_of_statements(api: Call, root: User) -> None:
    program = api(root)
    program.get("settings/")
    with CaptureQueriesContext(connection) as asked:
        program.get("settings/")
    assert len(asked) <= 12


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_none_is_lost_unseen(root: User) -> None:
    begin, results = threading.Barrier(6), []

    def change(hours: int) -> None:
        begin.wait()
        try:
            results.append(
                kept.change_settings(
                    {HOURS: hours}, company=None, reason="Try", by=system_actor(), now=timezone.now()
                )
            )
        finally:
            connections.close_all()

    threads = [threading.Thread(target=change, args=[hours]) for hours in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [one for one in results if isinstance(one, SettingsRevision)]
    refused = [one for one in results if isinstance(one, Denied)]
    assert len(made) + len(refused) == 6
    assert {one.code for one in refused} <= {"conflict"}
    assert sorted(one.number for one in made) == list(range(1, len(made) + 1))

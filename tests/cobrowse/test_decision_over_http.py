"""The same table through HTTP: on every path of the agent's side, with the server's log and the agent's message (mission C4)."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from cobrowse.decision import Log, Reason
from cobrowse.models import Application, CobrowseSession
from core import sealed
from tenants.models import Company
from tenants.settings import change_settings
from tests.accounts.story import events
from tests.cast import acting
from tests.cobrowse.story import LIVE, OTHER, TOKEN, Customer, Desktop, application

pytestmark = pytest.mark.django_db

# What is set on the cluster, what the desktop sends, whether off means refuse -> the reason of the refusal, the line of the log.
CELLS = {
    ("", "", False): (None, None),
    ("", TOKEN, False): (None, Log.NOT_CONFIGURED),
    ("", "", True): (Reason.MISSING, Log.NOT_CONFIGURED),
    ("", TOKEN, True): (Reason.INVALID, Log.NOT_CONFIGURED),
    (TOKEN, TOKEN, False): (None, None),
    (TOKEN, OTHER, False): (Reason.INVALID, Log.INVALID),
    (TOKEN, "not a token", False): (Reason.INVALID, Log.INVALID),
    (TOKEN, TOKEN.lower(), False): (Reason.INVALID, Log.INVALID),
    (TOKEN, f"{TOKEN}A", False): (Reason.INVALID, Log.INVALID),
    (TOKEN, "", False): (Reason.MISSING, Log.MISSING),
    (TOKEN, "", True): (Reason.MISSING, Log.MISSING),
}
Ask = Callable[[Desktop, dict[str, Any]], HttpResponse]
PATHS: dict[str, Ask] = {
    "find": lambda desk, said: desk.get(f"{LIVE}/sessions/{said['sessionToken']}"),
    "join": lambda desk, said: desk.joins(said["sessionToken"]),
    "control": lambda desk, said: desk.joins(said["sessionToken"], role=3),
    "history": lambda desk, said: desk.get(f"/cobrowse/rest/history/sessions/{said['sessionHistoryId']}"),
    "sdk list": lambda desk, _said: desk.get("/api/1/sessions"),
    "sdk by id": lambda desk, said: desk.get(f"/api/1/sessions/{said['sessionHistoryId']}"),
    "sdk by code": lambda desk, said: desk.get(f"/api/1/sessions/{said['code']}"),
    "sdk create": lambda desk, _said: desk.post("/api/1/sessions", {}),
    "sdk update": lambda desk, said: desk.put(f"/api/1/sessions/{said['sessionHistoryId']}", {"agent": "me"}),
    "sdk user": lambda desk, _said: desk.get("/api/1/users/me"),
    "sdk account": lambda desk, _said: desk.get("/api/1/accounts"),
    "sdk policy": lambda desk, _said: desk.get("/api/1/policy/current"),
    "sdk region": lambda desk, _said: desk.get("/api/1/regions/closest"),
    "sdk devices": lambda desk, _said: desk.get("/api/1/devices"),
    "tokens": lambda desk, said: desk.get(
        f"/api/v1/cobrowse-sessions/{said['sessionHistoryId']}/agent-tokens/"
    ),
    "new token": lambda desk, said: desk.post(
        f"/api/v1/cobrowse-sessions/{said['sessionHistoryId']}/agent-tokens/", {"right": "view"}
    ),
}


def set_up(acme: Company, root: User, cluster_token: str, *, refuse: bool) -> None:
    if cluster_token:
        application(acme, "cluster", token=cluster_token)
    if refuse:
        given = {"Cobrowse.RefuseWhenTokenUnset": True}
        change_settings(given, company=None, reason="closed", by=acting(root), now=timezone.now())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("cell", CELLS)
def test_each_cell_on_each_path(
    carol: Customer,
    acme: Company,
    ben: User,
    root: User,
    caplog: pytest.LogCaptureFixture,
    cell: tuple[str, str, bool],
    path: str,
) -> None:
    cluster_token, sent, refuse = cell
    reason, line = CELLS[cell]
    said = carol.starts()
    state = "idle"
    if path == "new token":  # for who is in the session
        Desktop(ben).joins(said["sessionToken"])
        state = "active"
    set_up(acme, root, cluster_token, refuse=refuse)
    desk = Desktop(ben, sent)
    with caplog.at_level(logging.WARNING, logger="cobrowse"):
        caplog.clear()
        answer = PATHS[path](desk, said)
    told = [record.getMessage() for record in caplog.records if record.name == "cobrowse"]
    if reason is None:
        assert answer.status_code < 300, answer.content
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == reason.value
        assert "session does not start" in answer.json()["detail"]
        if path.startswith("sdk"):
            assert answer.json()["id"] == reason.value
            assert answer.json()["message"] == answer.json()["detail"]
        assert CobrowseSession.objects.get(uid=said["sessionHistoryId"]).state == state
        assert events(Event.REFUSED) == ["portal:change:refused"]
    assert [one.partition(":")[0] for one in told] == ([line.value] if line else [])
    for text in (TOKEN, OTHER, TOKEN.lower()):
        assert text not in " ".join(told)
        assert text not in answer.content.decode()
    assert TOKEN not in str(list(AuditEvent.objects.values_list("details", flat=True)))


def test_what_goes_on_in_a_session_is_decided_anew_at_every_request(
    carol: Customer, acme: Company, ben: User
) -> None:
    application(acme, "cluster", token=TOKEN)
    desk = Desktop(ben, TOKEN)
    desk.joins(carol.starts()["sessionToken"])
    state = f"{LIVE}/users/{desk.user_token}/session"
    assert desk.get(state).status_code == 200
    application(acme, "cluster", token=OTHER)
    for answer in (
        desk.get(state),
        desk.does("mode", {"mode": "write", "action": "request"}),
        desk.does("exit"),
    ):
        assert answer.json()["code"] == "agent_token_invalid"
    desk.headers["X-Agent-Token"] = OTHER
    assert desk.get(state).status_code == 200
    application(acme, "cluster", token="")
    assert desk.get(state).status_code == 200


def test_a_token_that_cannot_be_opened_lets_nobody_in(
    carol: Customer, acme: Company, ben: User, cluster: Application, caplog: pytest.LogCaptureFixture
) -> None:
    application(acme, "cluster", token=TOKEN)
    workspace = application(acme, "workspace", token=TOKEN)
    row, other = cluster.options.get(section="slave"), workspace.options.get()
    row.secret = other.secret  # moved from another row
    row.save()
    assert row.secret != sealed.NOTHING
    said = carol.starts()
    for sent in (TOKEN, "", "unreadable", "malformed"):
        assert Desktop(ben, sent).joins(said["sessionToken"]).status_code == 403
    assert "cannot be opened" in caplog.text


def test_a_company_without_a_cluster_is_one_whose_token_is_not_set(acme: Company, ben: User) -> None:
    assert Desktop(ben).get("/api/1/sessions").json() == []
    assert Desktop(ben, TOKEN).get("/api/1/sessions").json() == []


def test_each_company_has_a_token_of_its_own(
    carol: Customer, acme: Company, globex: Company, ben: User
) -> None:
    application(globex, "cluster", token=TOKEN)
    application(acme, "cluster", token=OTHER)
    assert Desktop(ben, TOKEN).joins(carol.starts()["sessionToken"]).status_code == 403
    assert Desktop(ben, OTHER).joins(Customer().starts()["sessionToken"]).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_without_the_privilege_every_path_is_closed(
    carol: Customer, acme: Company, moe: User, path: str
) -> None:
    application(acme, "cluster", token=TOKEN)
    answer = PATHS[path](Desktop(moe, TOKEN), carol.starts())
    assert (answer.status_code, answer.json()["code"]) == (403, "privilege_missing")
    assert "Agent - Can Monitor Co-browse" in answer.json()["detail"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_signed_in_finds_no_path_open(carol: Customer, path: str) -> None:
    assert PATHS[path](Desktop(None), carol.starts()).status_code in {401, 403}


def test_who_belongs_to_no_company_has_no_session_to_join(carol: Customer, root: User) -> None:
    answer = Desktop(root).joins(carol.starts()["sessionToken"])
    assert (answer.status_code, answer.json()["code"]) == (403, "no_company")


def test_taking_the_privilege_away_ends_access_and_session_at_once(carol: Customer, ben: User) -> None:
    from accounts.people import UserDraft, change_user
    from tenants.actor import system_actor
    from tests.accounts.story import built_in

    desk = Desktop(ben)
    desk.joins(carol.starts()["sessionToken"])
    assert carol.sees()["state"] == "active"
    change_user(ben, UserDraft(roles=[built_in("Member")]), by=system_actor(), now=timezone.now())
    answer = desk.does("mode", {"mode": "write", "action": "request"})
    assert (answer.status_code, answer.json()["code"]) == (403, "privilege_missing")
    assert carol.sees()["endedReason"] == "barred"

"""Tokens for one agent in one session (mission C5; attack 37)."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from accounts.sessions import end_sessions
from audit.record import Origin
from cobrowse.models import AgentToken
from core.db import unit
from tenants.models import Company
from tests.cobrowse.story import LIVE, OTHER, TOKEN, Customer, Desktop, application

pytestmark = pytest.mark.django_db


def joined(carol: Customer, user: User, **more: Any) -> tuple[Desktop, str]:
    """An agent in a new session of this customer, and the id of it."""
    said = carol.starts()
    desk = Desktop(user, **more)
    assert desk.joins(said["sessionToken"]).status_code == 200
    return desk, said["sessionHistoryId"]


def tokens_of(session: str) -> str:
    return f"cobrowse-sessions/{session}/agent-tokens/"


def holder(desk: Desktop, session: str, right: str = "control") -> Desktop:
    """A program that holds a token for this session and nothing else."""
    answer = desk.post(tokens_of(session), {"right": right})
    assert answer.status_code == 201, answer.content
    found = Desktop(None)
    found.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    found.user_token = desk.user_token
    return found


def test_it_opens_its_session_and_nothing_else(carol: Customer, ben: User) -> None:
    desk, session = joined(carol, ben)
    bound = holder(desk, session)
    assert bound.get(f"/api/1/sessions/{session}").json()["state"] == "active"
    assert bound.get(f"/cobrowse/rest/history/sessions/{session}").status_code == 200
    assert bound.get(f"{LIVE}/users/{desk.user_token}/session").status_code == 200
    other = Customer().starts()
    assert bound.get(f"/api/1/sessions/{other['sessionHistoryId']}").status_code == 404
    for digits in (other["code"], other["sessionToken"], "123456"):  # alike, whether they are somebody's
        assert bound.get(f"/api/1/sessions/{digits}").status_code == 403
    assert bound.joins(other["sessionToken"]).status_code == 403
    assert bound.post("/api/1/sessions", {}).status_code == 403
    assert [one["id"] for one in bound.get("/api/1/sessions").json()] == [session]
    # Not a sign-in: no other door knows it.
    for path in ("me/", "users/", "sessions/", "api-keys/", "cobrowse-sessions/"):
        assert bound.get(path).status_code == 401
    assert bound.post(tokens_of(session), {"right": "view"}).status_code == 403


@pytest.mark.parametrize(("right", "asks"), [("view", 403), ("point", 403), ("control", 200)])
def test_each_right_is_kept_to(carol: Customer, ben: User, right: str, asks: int) -> None:
    desk, session = joined(carol, ben)
    bound = holder(desk, session, right)
    assert bound.get(f"/api/1/sessions/{session}").status_code == 200
    assert bound.does("mode", {"mode": "write", "action": "request"}).status_code == asks
    assert bound.put(f"/api/1/sessions/{session}", {"remote_control": "requested"}).status_code in {
        asks,
        409,  # asked already
    }
    permissions = bound.get("/api/1/policy/current").json()["sessions"]["permissions"]
    assert ("control" in permissions, "point" in permissions) == (right == "control", right != "view")
    changed = bound.put(f"/api/1/sessions/{session}", {"custom_data": {"a": "b"}})
    assert changed.status_code == asks
    assert bound.does("exit").status_code == asks
    assert carol.sees()["state"] == ("ended" if right == "control" else "active")


def test_revoking_it_ends_it_at_once(carol: Customer, ben: User, bea: User, ada: User) -> None:
    desk, session = joined(carol, ben)
    bound = holder(desk, session)
    (row,) = desk.get(tokens_of(session)).json()["results"]
    assert "token" not in row
    assert Desktop(bea).delete(f"{tokens_of(session)}{row['id']}/").status_code == 404
    assert Desktop(ada).delete(f"{tokens_of(session)}{row['id']}/").status_code == 204
    assert bound.get(f"/api/1/sessions/{session}").status_code == 401
    assert desk.get(f"/api/1/sessions/{session}").status_code == 200
    assert desk.delete(f"{tokens_of(session)}{row['id']}/").status_code == 204
    assert desk.delete(f"{tokens_of(session)}{uuid.uuid4()}/").status_code == 404


def test_it_ends_with_the_session_and_with_the_sign_in(carol: Customer, ben: User) -> None:
    desk, session = joined(carol, ben)
    bound = holder(desk, session)
    carol.does("exit")
    assert bound.get(f"/api/1/sessions/{session}").status_code == 401
    desk, session = joined(carol, ben)
    bound = holder(desk, session)
    with unit():
        end_sessions([desk.session], reason="signed_out", origin=Origin(), now=timezone.now())
    assert bound.get(f"/api/1/sessions/{session}").status_code == 401
    assert carol.sees()["endedReason"] == "barred"


def test_it_runs_out_within_the_hour_and_says_so_in_the_clients_words(carol: Customer, ben: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        desk, session = joined(carol, ben)
        bound = holder(desk, session)
        clock.shift(timedelta(hours=1))
        said = bound.get(f"/api/1/sessions/{session}")
        assert (said.status_code, said.json()["message"]) == (401, "jwt expired")


def test_it_stands_for_the_desktop_that_made_it_and_for_no_token_that_comes_after(
    carol: Customer, acme: Company, ben: User
) -> None:
    application(acme, "cluster", token=TOKEN)
    desk, session = joined(carol, ben, token=TOKEN)
    bound = holder(desk, session)
    assert bound.get(f"/api/1/sessions/{session}").status_code == 200
    application(acme, "cluster", token=OTHER)
    assert bound.get(f"/api/1/sessions/{session}").json()["code"] == "agent_token_invalid"
    application(acme, "cluster", token=TOKEN)
    assert bound.get(f"/api/1/sessions/{session}").status_code == 200


def test_one_made_while_desktops_were_not_asked_counts_for_nothing_once_they_are(
    carol: Customer, acme: Company, ben: User
) -> None:
    desk, session = joined(carol, ben)
    bound = holder(desk, session)
    application(acme, "cluster", token=TOKEN)
    assert bound.get(f"/api/1/sessions/{session}").json()["code"] == "agent_token_missing"


def test_nobody_gives_more_than_he_has(carol: Customer, ben: User, bea: User, cleo: User) -> None:
    _desk, session = joined(carol, ben)
    assert Desktop(bea).post(tokens_of(session), {"right": "view"}).status_code == 404
    assert Desktop(cleo).post(tokens_of(session), {"right": "view"}).status_code == 404
    assert Desktop(ben).post(tokens_of(session), {"right": "everything"}).status_code == 400
    assert Desktop(ben).post(tokens_of(session), {}).status_code == 400


def test_a_session_that_ended_has_no_new_tokens_and_the_number_is_bounded(carol: Customer, ben: User) -> None:
    desk, session = joined(carol, ben)
    for _time in range(50):
        assert desk.post(tokens_of(session), {"right": "view"}).status_code == 201
    assert desk.post(tokens_of(session), {"right": "view"}).json()["code"] == "too_many_keys"
    assert AgentToken.objects.count() == 50
    carol.does("exit")
    assert desk.post(tokens_of(session), {"right": "view"}).json()["code"] == "session_ended"
    assert not AgentToken.objects.filter(revoked_at=None).exists()

"""L. Agents who reach further than they may: lent tokens, policies, other people's sessions, and what they leave in the trail (37, 41)."""

from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Integration, User
from accounts.models import Session as SignIn
from audit.models import AuditEvent
from cobrowse.models import Participant
from core import epoch, ratelimit
from core.db import unit
from tenants.models import Company
from tests import cast
from tests.accounts.vouched import integration_of
from tests.cast import AGENT, COMPANY_ADMINISTRATOR, MEMBER, person
from tests.cobrowse.story import HERE, LIVE, SHOP, Customer, Desktop, application

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben(acme: Company) -> User:
    """An agent of Acme."""
    return person("ben@acme.example", company=acme, role=AGENT, name="Ben")


@pytest.fixture
def ada(acme: Company) -> User:
    """An administrator of Acme."""
    return person("ada@acme.example", company=acme, role=COMPANY_ADMINISTRATOR, name="Ada")


@pytest.fixture
def carol(acme: Company) -> Customer:
    """A customer on a page of Acme's shop."""
    application(acme, "cluster", origins=SHOP)
    return Customer()


def lent(desk: Desktop, *permissions: str) -> Desktop:
    """The same desktop, its sign-in bounded by a policy that names these permissions on sessions."""
    user = desk.session.user
    assert user.company is not None
    integration = Integration.objects.filter(company=user.company).first() or integration_of(user.company)
    grant = {"role": None, "policy": {"version": 3, "sessions": {"permissions": list(permissions)}}}
    with unit():
        SignIn.objects.filter(pk=desk.session.pk).update(
            integration=integration, integration_key=integration.keys.get(), grant=grant
        )
        epoch.bump()
    return desk


def tokens_of(said: dict[str, Any]) -> str:
    return f"/api/v1/cobrowse-sessions/{said['sessionHistoryId']}/agent-tokens/"


def holder(said: dict[str, Any], answer: Any, user_token: str) -> Desktop:
    """A program with the token of this answer, and with the userToken of whoever made it."""
    assert answer.status_code == 201, answer.content
    found = Desktop(None)
    found.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    found.user_token = user_token
    return found


# --- tokens for one session --------------------------------------------------------------------------------------------------------


def test_a_token_for_one_session_is_bounded_by_the_policy_behind_it(carol: Customer, ben: User) -> None:
    said = carol.starts()
    desk = Desktop(ben)
    desk.joins(said["sessionToken"])
    lent(desk, "read", "update", "point")
    refused = desk.post(tokens_of(said), {"right": "control"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    bound = holder(said, desk.post(tokens_of(said), {"right": "point"}), desk.user_token)
    permissions = bound.get("/api/1/policy/current").json()["sessions"]["permissions"]
    assert permissions == ["point", "read"]
    # The policy becomes narrower under a token that was made before.
    lent(desk, "create")
    assert bound.get(f"/api/1/sessions/{said['sessionHistoryId']}").status_code == 404
    assert bound.get("/api/1/policy/current").json()["sessions"]["permissions"] == []


def test_who_sees_all_sessions_gets_no_part_in_them_by_a_token(carol: Customer, ben: User, ada: User) -> None:
    said = carol.starts()
    desk = Desktop(ben)
    desk.joins(said["sessionToken"])
    bound = holder(said, Desktop(ada).post(tokens_of(said), {"right": "control"}), desk.user_token)
    uid = said["sessionHistoryId"]
    assert bound.get(f"/api/1/sessions/{uid}").status_code == 200
    assert bound.put(f"/api/1/sessions/{uid}", {"remote_control": "requested"}).status_code == 403
    assert bound.put(f"/api/1/sessions/{uid}", {"agent": "me"}).status_code == 403
    assert bound.does("mode", {"mode": "write", "action": "request"}).status_code == 404  # it is Ben's
    assert (carol.sees()["state"], carol.sees()["asked"]) == ("active", "no")


def test_a_token_makes_no_token_and_lists_none_of_another_session(carol: Customer, ben: User) -> None:
    said, other = carol.starts(), Customer().starts()
    desk = Desktop(ben)
    desk.joins(said["sessionToken"])
    bound = holder(said, desk.post(tokens_of(said), {"right": "control"}), desk.user_token)
    assert bound.post(tokens_of(said), {"right": "view"}).status_code == 403
    assert bound.get(tokens_of(other)).status_code == 404
    assert desk.post(tokens_of(other), {"right": "view"}).json()["code"] == "forbidden"  # not joined


def test_an_idle_page_locks_the_tokens_that_were_made_by_it(carol: Customer, ben: User) -> None:
    said = carol.starts()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        window = cast.browser(ben)
        window.post("/cobrowse/agent/", {"digits": said["sessionToken"]})
        answer = window.post(tokens_of(said), {"right": "control"}, content_type="application/json")
        bound = holder(said, answer, "")
        where = f"/api/1/sessions/{said['sessionHistoryId']}"
        for _time in range(5):  # which is no use by the person
            assert bound.get(where).status_code == 200
            carol.sees()
            clock.shift(180)
        locked = bound.get(where)
        assert (locked.status_code, locked.json()["code"]) == (401, "session_locked")
        assert window.get(f"/cobrowse/agent/{said['sessionHistoryId']}/").status_code == 302


# --- policies ----------------------------------------------------------------------------------------------------------------------


def test_who_may_only_read_ends_nothing_as_a_controller_either(carol: Customer, ben: User) -> None:
    said = carol.starts()
    desk = Desktop(ben)
    assert desk.joins(said["sessionToken"], role=3).status_code == 200
    lent(desk, "read")
    assert desk.does("stop").status_code == 403
    assert desk.joins(Customer().starts()["sessionToken"], role=3).status_code == 403
    assert carol.sees()["state"] == "idle"


def test_nobody_changes_data_so_that_his_policy_lets_him_go_on(carol: Customer, ben: User) -> None:
    said = carol.starts(custom_data={"team": "red"})
    desk = Desktop(ben)
    desk.joins(said["sessionToken"])
    lent(desk, "read", "update")
    grant = {
        "role": None,
        "policy": {
            "version": 3,
            "sessions": {"custom_data": {"team": "red"}, "permissions": ["read", "update"]},
        },
    }
    with unit():
        SignIn.objects.filter(pk=desk.session.pk).update(grant=grant)
        epoch.bump()
    where = f"/api/1/sessions/{said['sessionHistoryId']}"
    assert desk.put(where, {"custom_data": {"team": "blue"}}).status_code == 403
    assert desk.put(where, {"custom_data": {"ticket": "7"}}).status_code == 200


def test_names_of_filters_are_names_and_no_paths(carol: Customer, ben: User) -> None:
    desk = Desktop(ben)
    desk.joins(carol.starts(custom_data={"a": "x"})["sessionToken"])
    for name in ("-1", "0", "a.b", "a__b' OR 1=1", "a b", "$", "ä", ""):
        assert desk.get(f"/api/1/sessions?{urlencode({f'filter_{name}': 'x'})}").status_code == 400, name
    assert len(desk.get("/api/1/sessions?filter_a=x").json()) == 1
    assert desk.get("/api/1/sessions?filter_a=y").json() == []


# --- other people's sessions -------------------------------------------------------------------------------------------------------


def test_a_controller_of_somebody_else_is_gone_once_the_agent_is_there(
    carol: Customer, ben: User, ada: User
) -> None:
    said = carol.starts()
    other = Desktop(ada)
    assert other.joins(said["sessionToken"], role=3).status_code == 200
    desk = Desktop(ben)
    assert desk.joins(said["sessionToken"]).status_code == 200
    assert other.does("stop").json()["code"] == "controller_only"
    assert other.does("mode", {"mode": "write", "action": "request"}).status_code == 403
    assert carol.sees()["state"] == "active"
    assert Participant.objects.get(user=ada).left_at is not None


def test_six_digits_are_for_agents_and_no_key_for_customers(carol: Customer, ben: User) -> None:
    made = Desktop(ben).post("/api/1/sessions", {}).json()
    visitor = Customer()
    assert visitor.get(f"{LIVE}/sessions/{made['code']}").status_code == 404
    assert visitor.post(f"{LIVE}/sessions/{made['code']}/join", {"role": 1}).status_code == 404
    joined = visitor.post(f"{LIVE}/sessions/{made['session_token']}/join", {"role": 1, "name": "Dan"})
    assert joined.status_code == 200


# --- what is left behind -----------------------------------------------------------------------------------------------------------


def test_neither_digits_nor_user_tokens_come_into_the_trail(
    carol: Customer, ben: User, acme: Company
) -> None:
    said = carol.starts()
    desk = Desktop(ben)
    desk.joins(said["sessionToken"])
    stranger = person("moe@acme.example", company=acme, role=MEMBER, name="Moe")
    moe = Desktop(stranger)
    moe.user_token = desk.user_token
    for refused in (
        moe.joins(said["sessionToken"]),
        moe.get(f"{LIVE}/sessions/{said['sessionToken']}"),
        moe.get(f"/api/1/sessions/{said['code']}"),
        moe.does("exit"),
        moe.does("mode", {"mode": "write", "action": "request"}),
    ):
        assert refused.status_code == 403
    desk.put(f"/api/1/sessions/{said['sessionHistoryId']}", {"custom_data": {"card": "4111-1111"}})
    carol.does("exit")
    rows = list(AuditEvent.objects.values("event", "details", "subject_name", "address"))
    assert {"portal:change:refused", "cobrowse:session:joined", "cobrowse:session:changed"} <= {
        one["event"] for one in rows
    }
    written = str(rows)
    for secret in (
        said["sessionToken"],
        said["code"],
        said["userToken"],
        desk.user_token,
        "4111-1111",
    ):
        assert secret not in written
    changed = AuditEvent.objects.get(event="cobrowse:session:changed")
    assert changed.details["names"] == ["card"]
    joined = AuditEvent.objects.filter(event="cobrowse:session:joined").order_by("pk").last()
    assert joined is not None
    assert (joined.details["role"], joined.details["authenticated"]) == ("agent", False)


@pytest.mark.parametrize(
    "data",
    [
        {f"name{number}": "x" * 100 for number in range(50)},
        {"a": "x" * 501},
        {"a": {"b": 1}},
        {"a": 2**60},
        {f"n{number}": 1 for number in range(51)},
        {"\ud800": "x"},
    ],
    ids=["bytes", "long", "deep", "large", "many", "surrogate"],
)
def test_strangers_fill_no_table_with_data(carol: Customer, data: Any) -> None:
    answer = carol.post(f"{LIVE}/sessions", {"role": 1, "custom_data": data})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_sites_that_are_nobodys_are_counted_and_ask_the_database_once(
    carol: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ratelimit.NETWORKS.clear()
    monkeypatch.setattr(ratelimit.NETWORKS, "limit", 20)
    evil = Customer("https://evil.example", address="203.0.113.5")
    answers = [evil.post(f"{LIVE}/sessions", {"role": 1}) for _time in range(30)]
    assert [one.status_code for one in answers[:20]] == [403] * 20
    assert {one.status_code for one in answers[-5:]} == {429}
    assert int(answers[-1]["Retry-After"]) > 0
    assert "Access-Control-Allow-Origin" not in answers[-1]
    assert Customer(address=HERE).post(f"{LIVE}/sessions", {"role": 1}).status_code == 201

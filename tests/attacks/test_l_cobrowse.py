"""L. Co-browse: digits guessed, one session joined by many, tokens in the wrong place, bodies of every wrong shape (37, 38, 41)."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from accounts.principal import principal_of_session
from cobrowse import rest
from cobrowse.agents import Agent, admit
from cobrowse.applications import generate_token, set_options
from cobrowse.models import Application, CobrowseSession, Participant
from cobrowse.sessions import verbs
from cobrowse.sessions.finding import found_by_agent, found_by_customer
from core.outcomes import Denied
from tenants.models import Company
from tests.attacks.parallel import at_once
from tests.cast import AGENT, COMPANY_ADMINISTRATOR, acting, person
from tests.cobrowse.story import LIVE, OTHER, SHOP, TOKEN, Customer, Desktop, application

pytestmark = pytest.mark.django_db


def really_commits(test: Callable[..., None]) -> Callable[..., None]:
    """Run it with real commits, on SQLite and on PostgreSQL."""
    return pytest.mark.both_databases(pytest.mark.django_db(transaction=True)(test))


@pytest.fixture
def ben(acme: Company) -> User:
    """An agent of Acme."""
    return person("ben@acme.example", company=acme, role=AGENT, name="Ben")


@pytest.fixture
def mallory(acme: Company) -> User:
    """An agent of Acme as well, who reaches for the customers of others."""
    return person("mallory@acme.example", company=acme, role=AGENT, name="Mallory")


@pytest.fixture
def carol(acme: Company) -> Customer:
    """A customer on a page of Acme's shop."""
    application(acme, "cluster", origins=SHOP)
    return Customer()


def agent_of(desk: Desktop) -> Agent:
    principal = principal_of_session(str(desk.session.uid))
    assert principal is not None
    found = admit(principal, shown="", address="192.0.2.1")
    assert isinstance(found, Agent)
    return found


# --- guessing -------------------------------------------------------------------------------------------------------------------


def test_nine_digits_guessed_a_hundred_times_a_second_for_a_minute_hit_nothing_and_disturb_nobody(
    carol: Customer, ben: User, mallory: User, acme: Company
) -> None:
    said = carol.starts()
    digits = int(said["sessionToken"])
    with time_machine.travel(timezone.now(), tick=False) as clock:
        agent, answers = agent_of(Desktop(mallory)), Counter[str]()
        for guess in range(6_000):
            clock.shift(timedelta(milliseconds=10))
            # Around the right one, which is among them.
            text = f"{(digits - 3_000 + guess) % 10**9:09}"
            by_agent = found_by_agent(agent, text, now=timezone.now())
            by_page = found_by_customer(acme.pk, text, address="203.0.113.66", now=timezone.now())
            for found in (by_agent, by_page):
                assert isinstance(found, Denied)
                answers[found.code] += 1
        # Ten and twenty were looked at; the right one came long after that, and was refused like the rest.
        assert answers == {"session_not_found": 30, "too_many": 12_000 - 30}
        assert Desktop(mallory).joins(said["sessionToken"]).status_code == 429
        assert carol.sees()["state"] == "idle"
        assert Desktop(ben).joins(said["sessionToken"]).status_code == 200
        assert carol.sees()["state"] == "active"


def test_every_door_to_the_digits_counts_with_the_others(carol: Customer, mallory: User) -> None:
    said = carol.starts()
    doors: list[Callable[[Desktop], Any]] = [
        lambda desk: desk.get(f"{LIVE}/sessions/000000001"),
        lambda desk: desk.joins("000000001"),
        lambda desk: desk.joins("000-000 001", role=3),
        lambda desk: desk.get("/api/1/sessions/000001"),
        lambda desk: desk.put("/api/1/sessions/000001", {"state": "ended"}),
    ]
    for _round in range(2):
        for door in doors:
            assert door(Desktop(mallory)).status_code == 404  # a new sign-in each time
    for door in doors:
        answer = door(Desktop(mallory))
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) > 0
    assert Desktop(mallory).get(f"/api/1/sessions/{said['code']}").status_code == 429


def test_a_customer_who_finds_the_limit_used_up_by_others_still_starts_and_goes_on(carol: Customer) -> None:
    carol.starts()
    for _time in range(25):
        carol.get(f"{LIVE}/sessions/000000001")
    assert carol.get(f"{LIVE}/sessions/000000001").status_code == 429
    assert carol.sees()["state"] == "idle"
    assert Customer().starts()


def test_a_right_guess_takes_nothing_from_the_next_one(carol: Customer, ben: User) -> None:
    desk = Desktop(ben)
    for _time in range(15):
        said = Customer().starts()
        assert desk.joins(said["sessionToken"]).status_code == 200
        desk.does("exit")


def test_user_tokens_that_are_nobodys_are_counted_by_network(
    carol: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest.CUSTOMERS, "limit", 300)  # a minute; 3,000 where the product runs
    carol.starts()
    stranger = Customer(address="203.0.113.77")
    stranger.user_token = "gh_cobrowse_" + "A" * 43
    answers = Counter(stranger.does("exit").status_code for _time in range(350))
    assert set(answers) == {404, 429}  # what a bucket of 300 a minute holds, and what runs into it meanwhile
    assert answers[429] >= 20
    assert carol.sees()["state"] == "idle"


# --- at once --------------------------------------------------------------------------------------------------------------------


@really_commits
def test_of_fifty_agents_who_join_at_once_one_is_in(acme: Company) -> None:
    application(acme, "cluster", origins=SHOP)
    carol = Customer()
    said = carol.starts()
    desks = [Desktop(person(f"agent{number}@acme.example", company=acme, role=AGENT)) for number in range(50)]
    answers = at_once(lambda number: desks[number].joins(said["sessionToken"]).status_code)
    counted = Counter(answers)
    assert counted[200] == 1
    assert set(counted) <= {200, 404, 409}
    assert Participant.objects.filter(role=2).count() == 1
    row = CobrowseSession.objects.get()
    assert row.agent_id == Participant.objects.get(role=2).user_id


@really_commits
def test_one_agent_who_joins_many_at_once_is_in_one(acme: Company) -> None:
    application(acme, "cluster", origins=SHOP)
    ben = person("ben@acme.example", company=acme, role=AGENT)
    started = [Customer().starts()["sessionToken"] for _time in range(8)]
    desks = [Desktop(ben) for _time in started]
    answers = at_once(lambda number: desks[number].joins(started[number]).status_code, times=8)
    assert Counter(answers) == {200: 1, 409: 7}


@really_commits
def test_write_mode_granted_and_withdrawn_at_once_ends_as_one_of_them_says(acme: Company) -> None:
    application(acme, "cluster", origins=SHOP)
    carol, desk = Customer(), Desktop(person("ben@acme.example", company=acme, role=AGENT))
    desk.joins(carol.starts()["sessionToken"])
    desk.does("mode", {"mode": "write", "action": "request"})

    def move(number: int) -> int:
        if number % 2:
            return desk.does("mode", {"mode": "write", "action": "end"}).status_code
        return carol.does("mode", {"mode": "write", "action": "grant"}).status_code

    answers = at_once(move, times=10)
    assert set(answers) <= {200, 409}
    seen = carol.sees()
    assert (seen["mode"], seen["asked"]) in {("pointer", "no"), ("write", "no")}


@really_commits
def test_a_session_ended_by_everybody_at_once_ends_once(acme: Company) -> None:
    application(acme, "cluster", origins=SHOP)
    carol, desk = Customer(), Desktop(person("ben@acme.example", company=acme, role=AGENT))
    ada = Desktop(person("ada@acme.example", company=acme, role=COMPANY_ADMINISTRATOR))
    said = carol.starts()
    desk.joins(said["sessionToken"])

    def leave(number: int) -> int:
        if number % 3 == 0:
            return carol.does("exit").status_code
        if number % 3 == 1:
            return desk.does("exit").status_code
        return ada.put(f"/api/1/sessions/{said['sessionHistoryId']}", {"state": "ended"}).status_code

    assert set(at_once(leave, times=9)) <= {200, 409}
    from audit.events import Event
    from audit.models import AuditEvent

    assert AuditEvent.objects.filter(event=Event.COBROWSE_ENDED).count() == 1


@really_commits
def test_both_applications_changed_at_once_leave_a_true_comparison(acme: Company) -> None:
    cluster, workspace = application(acme, "cluster"), application(acme, "workspace")
    by = acting(person("ada@acme.example", company=acme, role=COMPANY_ADMINISTRATOR))

    def change(number: int) -> object:
        if number % 3 == 0:
            return generate_token(cluster, both=True, by=by, now=timezone.now())
        if number % 3 == 1:
            return set_options(workspace, {"cobrowse/password": TOKEN}, by=by, now=timezone.now())
        return set_options(cluster, {"slave/password": TOKEN}, by=by, now=timezone.now())

    assert not [one for one in at_once(change, times=9) if isinstance(one, Denied)]
    from cobrowse.tokens import desk_of

    desk = desk_of(acme.pk)
    found = set(Application.objects.values_list("validity", flat=True))
    assert found == {"valid" if desk.cluster == desk.workspace else "mismatch"}


# --- in the wrong place -----------------------------------------------------------------------------------------------------------


def test_the_cluster_token_signs_nobody_in(carol: Customer, acme: Company, ben: User) -> None:
    application(acme, "cluster", token=TOKEN)
    said = carol.starts()
    nobody = Desktop(None, TOKEN)
    assert nobody.joins(said["sessionToken"]).status_code == 401
    nobody.headers["Authorization"] = f"Bearer {TOKEN}"
    assert nobody.joins(said["sessionToken"]).status_code == 401
    for path in (f"{LIVE}/sessions/{said['sessionToken']}?token={TOKEN}", f"/api/1/sessions?token={TOKEN}"):
        assert Desktop(ben).get(path).status_code == 403


def test_a_user_token_is_no_bearer_and_a_bearer_is_no_user_token(carol: Customer, ben: User) -> None:
    desk = Desktop(ben)
    desk.joins(carol.starts()["sessionToken"])
    thief = Desktop(None)
    thief.headers["Authorization"] = f"Bearer {desk.user_token}"
    assert thief.get("/api/1/users/me").status_code == 401
    assert thief.get("me/").status_code == 401
    assert desk.tokens is not None
    desk.user_token = desk.tokens["access_token"]
    assert desk.does("exit").status_code == 404


def test_a_cookie_of_a_page_does_nothing_here_without_the_token_of_the_page(
    carol: Customer, ben: User, browser: Any
) -> None:
    said = carol.starts()
    page = browser(ben, enforce_csrf_checks=True)
    answer = page.post(
        f"{LIVE}/sessions/{said['sessionToken']}/join",
        json.dumps({"role": 2}),
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_an_administrator_of_another_company_ends_nothing(carol: Customer, ben: User, cleo: User) -> None:
    desk = Desktop(ben)
    said = carol.starts()
    desk.joins(said["sessionToken"])
    foreign = Desktop(cleo)
    foreign.user_token = desk.user_token
    for answer in (
        foreign.put(f"/api/1/sessions/{said['sessionHistoryId']}", {"state": "ended"}),
        foreign.does("exit"),
        foreign.delete(f"cobrowse-sessions/{said['sessionHistoryId']}/"),
        foreign.get(f"/cobrowse/rest/history/sessions/{said['sessionHistoryId']}"),
    ):
        assert answer.status_code == 404
    row = CobrowseSession.objects.get()
    assert isinstance(verbs.end_by_administrator(row, by=acting(cleo), now=timezone.now()), Denied)
    assert carol.sees()["state"] == "active"


def test_tokens_are_in_no_row_in_clear(acme: Company) -> None:
    from django.db import connection

    made = application(acme, "cluster", token=TOKEN)
    application(acme, "workspace", token=OTHER)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            rows = str(cursor.fetchall())
            assert TOKEN not in rows, table
            assert OTHER not in rows, table
    option = made.options.get(section="slave")
    assert option.secret.text.startswith("k1.gAAAA")  # Fernet: AES-128 and an HMAC


# --- of every wrong shape -----------------------------------------------------------------------------------------------------------

NONSENSE: list[Any] = [
    b"", b"{", b"[]", b"null", b"7", b'"text"', b"[" * 50_000, b"\xff\xfe", b'{"role": 1, "role": 2}',
    {"role": "2"}, {"role": 0}, {"role": 4}, {"role": 2.0}, {"role": True}, {"role": None}, {"role": [2]}, {"role": 10**40},
    {"role": 2, "name": 7}, {"role": 2, "name": "x" * 5_000}, {"role": 2, "name": "a\x00b"}, {"role": 2, "nothing": 1},
    {"mode": "write"}, {"mode": "write", "action": "seize"}, {"mode": 1, "action": 2}, {"mode": "pointer", "action": "grant"},
    {"url": 7}, {"url": None}, {"url": ["x"]}, {"url": "\ud800"},
    {"custom_data": []}, {"custom_data": "x"}, {"custom_data": {"a": {"b": 1}}}, {"custom_data": {"a": [1]}},
    {"custom_data": {"": 1}}, {"custom_data": {"a": "x" * 501}}, {"custom_data": {"x" * 101: 1}}, {"custom_data": {"a": 10**400}},
    {"custom_data": {f"k{n}": n for n in range(51)}}, {"custom_data": {"a": "\x00"}}, {"custom_data": {"a": "\ud800"}},
    {"state": "active"}, {"state": "ended", "custom_data": {}}, {"agent": "you"}, {"id": "other", "state": "ended"},
    {"remote_control": True}, {"full_device": "on"}, {"right": 1}, {"key": 1}, {"key": "x" * 1_000},
]  # fmt: skip


@pytest.mark.parametrize("body", NONSENSE, ids=[str(number) for number in range(len(NONSENSE))])
def test_nonsense_is_refused_at_every_door_and_changes_nothing(carol: Customer, ben: User, body: Any) -> None:
    desk = Desktop(ben)
    said = carol.starts()
    desk.joins(said["sessionToken"])
    waiting = Customer().starts()
    rows = CobrowseSession.objects.filter(pk__in=list(CobrowseSession.objects.values_list("pk", flat=True)))
    kept = rows.order_by("pk").values("state", "mode", "asked", "custom_data", "ended_at")
    before = list(kept)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    user = f"{LIVE}/users/{carol.user_token}/session"
    origin = {"Origin": SHOP}
    headers = {"/mode": {}, "/page": origin}
    calls = [
        *((Desktop(None), "POST", f"{user}{what}", headers[what]) for what in ("/mode", "/page")),
        (desk, "POST", f"{LIVE}/users/{desk.user_token}/session/mode", {}),
        (Desktop(None), "POST", f"{LIVE}/sessions/{waiting['sessionToken']}/join", origin),
        (desk, "PUT", f"/api/1/sessions/{said['sessionHistoryId']}", {}),
        (desk, "POST", f"/api/v1/cobrowse-sessions/{said['sessionHistoryId']}/agent-tokens/", {}),
    ]
    for caller, method, path, more in calls:
        answer = caller._call(method, path, data, dict(more))
        assert answer.status_code in {400, 401, 403, 404, 409}, (path, answer.status_code, answer.content)
        assert answer["Content-Type"] == "application/problem+json"
    starts = Desktop(None)._call("POST", f"{LIVE}/sessions", data, {"Origin": SHOP})
    assert starts.status_code == 400 or body in (b"", b"{}")
    assert list(kept.all()) == before


def test_a_body_of_two_megabytes_is_not_read(carol: Customer) -> None:
    carol.starts()
    answer = carol.does("page", {"url": "x" * 2_000_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "digits",
    ["1", "12345", "1234567", "1234567890", "x" * 9, "\uff11" * 9, "%00" * 9, "..%2f..%2fadmin", "'--", "9" * 3_000, "\u0661" * 9],
)  # fmt: skip
def test_what_is_no_digits_is_found_nowhere(carol: Customer, ben: User, digits: str) -> None:
    carol.starts()
    for answer in (Desktop(ben).joins(digits), Desktop(ben).get(f"/api/1/sessions/{digits}")):
        assert answer.status_code == 404

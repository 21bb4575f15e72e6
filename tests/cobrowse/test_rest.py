"""Sessions over REST: a customer starts, an agent joins, write mode is asked for and granted, and what ended stays ended."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from cobrowse.models import Application, CobrowseSession, Participant
from tenants.models import Company
from tenants.settings import change_settings
from tests.accounts.story import events
from tests.cobrowse.story import LIVE, SHOP, Customer, Desktop, application, session

pytestmark = pytest.mark.django_db


def test_a_token_is_drawn_from_the_alphabet_of_base32_and_stored_nowhere(client: Client) -> None:
    before = AuditEvent.objects.count()
    drawn = {client.get("/cobrowse/rest/authtoken").content.decode() for _time in range(20)}
    assert len(drawn) == 20
    for token in drawn:
        assert len(token) == 26
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    answer = client.get("/cobrowse/rest/authtoken")
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["Cache-Control"] == "no-store"
    assert AuditEvent.objects.count() == before


def test_tokens_are_drawn_thirty_times_from_one_network_and_then_no_more(client: Client) -> None:
    answers = [client.get("/cobrowse/rest/authtoken", REMOTE_ADDR="203.0.113.9") for _time in range(31)]
    assert [one.status_code for one in answers] == [200] * 30 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert client.get("/cobrowse/rest/authtoken", REMOTE_ADDR="203.0.113.10").status_code == 200


def test_a_whole_session_as_the_source_system_has_it(carol: Customer, ben: User) -> None:
    started = carol.post(f"{LIVE}/sessions").json()
    digits = started["sessionToken"]
    assert (len(digits), digits.isdecimal()) == (9, True)
    assert started["sessionServerName"]
    joined = carol.post(f"{LIVE}/sessions/{digits}/join", {"role": 1, "name": "Carol"}).json()
    assert joined["users"] == [{"userId": 1, "role": 1, "name": "Carol"}]
    carol.user_token = joined["userToken"]
    assert carol.sees()["state"] == "idle"

    desk = Desktop(ben)
    found = desk.get(f"{LIVE}/sessions/{digits}").json()
    assert found == {key: started[key] for key in ("sessionToken", "sessionServerName", "sessionServerUrl")}
    answer = desk.joins(digits).json()
    assert answer["sessionHistoryId"] == joined["sessionHistoryId"]
    assert uuid.UUID(answer["sessionHistoryId"])
    assert answer["userId"] == 2
    assert answer["users"] == [
        {"userId": 1, "role": 1, "name": "Carol"},
        {"userId": 2, "role": 2, "name": "Ben"},
    ]
    seen = carol.sees()
    assert (seen["state"], seen["mode"], seen["asked"]) == ("active", "pointer", "no")

    assert desk.does("mode", {"mode": "write", "action": "grant"}).status_code == 403
    assert desk.does("mode", {"mode": "write", "action": "request"}).json()["asked"] == "requested"
    assert carol.does("mode", {"mode": "write", "action": "grant"}).json()["mode"] == "write"
    assert desk.does("mode", {"mode": "pointer", "action": "request"}).json()["mode"] == "pointer"

    assert desk.does("stop").json()["code"] == "controller_only"
    assert carol.does("exit").json() == {}
    assert carol.does("exit").json() == {}
    assert carol.sees()["endedReason"] == "customer-left"
    assert desk.does("mode", {"mode": "write", "action": "request"}).json()["code"] == "session_ended"
    assert Desktop(ben).joins(digits).status_code == 404
    assert events(
        Event.COBROWSE_STARTED, Event.COBROWSE_JOINED, Event.COBROWSE_MODE_CHANGED, Event.COBROWSE_ENDED
    ) == [
        "cobrowse:session:started",
        *["cobrowse:session:joined"] * 2,
        *["cobrowse:mode:changed"] * 3,
        "cobrowse:session:ended",
    ]


def test_a_controller_stops_the_session_for_everybody(carol: Customer, ben: User) -> None:
    digits = carol.starts()["sessionToken"]
    controls, works = Desktop(ben), Desktop(ben)
    assert controls.joins(digits, role=3).status_code == 200
    assert carol.sees()["state"] == "idle"
    assert works.joins(digits).status_code == 200
    stopped = controls.does("stop")
    assert stopped.status_code == 200
    assert stopped.json()["deactivationTime"] >= stopped.json()["activationTime"]
    assert carol.sees()["endedReason"] == "stopped"
    assert controls.does("stop").json()["code"] == "session_ended"


def test_a_controller_who_left_stops_nothing(carol: Customer, ben: User) -> None:
    digits = carol.starts()["sessionToken"]
    controls = Desktop(ben)
    controls.joins(digits, role=3)
    assert controls.does("exit").json() == {}
    assert controls.does("stop").json()["code"] == "controller_only"
    assert carol.sees()["state"] == "idle"


def test_a_controller_of_somebody_else_is_sent_away_and_stays_in_the_history(
    carol: Customer, ben: User, bea: User
) -> None:
    begun = carol.starts()
    digits, foreign, works, own = begun["sessionToken"], Desktop(bea), Desktop(ben), Desktop(ben)
    assert foreign.joins(digits, role=3).json()["userId"] == 2
    joined = works.joins(digits).json()
    assert (joined["userId"], [one["role"] for one in joined["users"]]) == (3, [1, 2])
    assert foreign.does("stop").status_code == 404
    assert own.joins(digits, role=3).json()["userId"] == 4  # his own may come all the same
    session = CobrowseSession.objects.get(uid=begun["sessionHistoryId"])
    assert [(one.role, one.name, one.left_at is None) for one in session.participants.all()] == [
        (1, "Carol", True),
        (3, "Bea", False),
        (2, "Ben", True),
        (3, "Ben", True),
    ]


def test_the_customer_reads_the_name_of_the_account_and_none_that_an_agent_gives_himself(
    carol: Customer, ben: User
) -> None:
    digits = carol.starts()["sessionToken"]
    assert Desktop(ben).joins(digits, name="Your Bank Security").status_code == 200
    assert [one["name"] for one in carol.sees()["users"]] == ["Carol", "Ben"]


@pytest.mark.parametrize(
    ("origin", "more", "sentence"),
    [
        (None, {}, "No Origin was sent"),
        ("https://elsewhere.example", {}, "This site may not"),
        (SHOP, {"key": "wrong"}, "The site key is another company's"),
    ],
)
def test_each_refusal_of_a_site_says_what_is_amiss(
    cluster: Application, origin: str | None, more: dict[str, str], sentence: str
) -> None:
    answer = Customer(origin).post(f"{LIVE}/sessions", {"role": 1} | more)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert answer.json()["detail"].startswith(sentence)


def test_one_agent_joins_once_and_nobody_takes_it_over(carol: Customer, ben: User, bea: User) -> None:
    digits = carol.starts()["sessionToken"]
    first = Desktop(ben)
    assert first.joins(digits).status_code == 200
    for other in (Desktop(bea), Desktop(ben)):
        for role in (2, 3):
            if role == 3 and other.session.user == ben:
                continue  # the application of his own that controls it
            answer = other.joins(digits, role=role)
            assert (answer.status_code, answer.json()["code"]) == (409, "session_taken")
    assert first.does("exit").status_code == 200
    assert Desktop(bea).joins(digits).status_code == 404


def test_the_customer_is_whoever_came_first_from_that_very_page(
    carol: Customer, cluster: Application
) -> None:
    digits = carol.post(f"{LIVE}/sessions").json()["sessionToken"]
    application(cluster.company, "cluster", origins=f"{SHOP}\nhttps://help.acme.example")
    elsewhere = Customer("https://help.acme.example")
    assert elsewhere.post(f"{LIVE}/sessions/{digits}/join", {"role": 1}).status_code == 404
    assert carol.post(f"{LIVE}/sessions/{digits}/join", {"role": 1}).status_code == 200
    assert carol.post(f"{LIVE}/sessions/{digits}/join", {"role": 1}).json()["code"] == "session_taken"


def test_an_agent_is_in_one_session_unless_the_setting_says_more(
    carol: Customer, ben: User, root: User
) -> None:
    from tests.cast import acting

    first, second = carol.starts(), Customer().starts()
    desk = Desktop(ben)
    assert desk.joins(first["sessionToken"]).status_code == 200
    answer = desk.joins(second["sessionToken"])
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_sessions")
    now = timezone.now()
    change_settings(
        {"Cobrowse.SessionsPerAgent": 2}, company=None, reason="two screens", by=acting(root), now=now
    )
    assert desk.joins(second["sessionToken"]).status_code == 200
    assert desk.does("exit").status_code == 200


def test_after_leaving_one_session_an_agent_joins_the_next(carol: Customer, ben: User) -> None:
    first, second = carol.starts(), Customer().starts()
    desk = Desktop(ben)
    desk.joins(first["sessionToken"])
    desk.does("exit")
    assert desk.joins(second["sessionToken"]).status_code == 200


def test_the_digits_hold_for_twenty_minutes_and_not_a_second_longer(carol: Customer, ben: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        started, late = carol.starts(), Customer().starts()
        clock.shift(timedelta(minutes=20) - timedelta(seconds=1))
        assert Desktop(ben).joins(started["code"]).status_code == 200
        clock.shift(timedelta(seconds=1))
        for digits in (late["code"], late["sessionToken"]):
            answer = Desktop(ben).joins(digits)
            assert (answer.status_code, answer.json()["code"]) == (404, "session_not_found")
    row = session(late)
    assert (row.state, row.ended_reason, row.ended_at) == ("ended", "nobody-came", row.expires_at)


@pytest.mark.parametrize("silent", ["customer", "agent"])
def test_a_session_ends_after_five_minutes_of_silence_of_either_side(
    carol: Customer, ben: User, silent: str
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        carol.starts()
        desk = Desktop(ben)
        desk.joins(session_token := CobrowseSession.objects.get().token)
        assert session_token
        for _minute in range(4):
            clock.shift(timedelta(minutes=1))
            if silent == "customer":
                desk.get(f"{LIVE}/users/{desk.user_token}/session")
            else:
                carol.sees()
        clock.shift(timedelta(minutes=1))
        assert carol.sees()["endedReason"] == "silent"
    assert desk.does("mode", {"mode": "write", "action": "request"}).json()["code"] == "session_ended"


def test_signs_of_life_are_written_now_and_then(carol: Customer, ben: User) -> None:
    digits = carol.starts()["sessionToken"]
    Desktop(ben).joins(digits)
    carol.sees()
    with CaptureQueriesContext(connection) as seen:
        carol.sees()
    assert not [one for one in seen.captured_queries if one["sql"].startswith("UPDATE")]


def test_the_history_tells_pages_with_durations_and_times_in_milliseconds(carol: Customer, ben: User) -> None:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as clock:
        said = carol.starts()
        desk = Desktop(ben)
        desk.joins(said["sessionToken"])
        began = int(timezone.now().timestamp() * 1000)
        clock.shift(timedelta(seconds=2))
        carol.does("page", {"url": f"{SHOP}/basket?secret=1#more"})
        clock.shift(timedelta(seconds=11))
        carol.does("page", {"url": f"{SHOP}/checkout"})
        clock.shift(timedelta(seconds=7))
        desk.does("exit")
        clock.shift(timedelta(seconds=60))
        answer = Desktop(ben).get(f"/cobrowse/rest/history/sessions/{said['sessionHistoryId']}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/json")
    assert answer.json() == {
        "id": said["sessionHistoryId"],
        "sessionToken": said["sessionToken"],
        "creationTime": began,
        "activationTime": began,
        "deactivationTime": began + 20_000,
        "pages": [
            {"url": f"{SHOP}/basket", "enteredTimestamp": began + 2_000, "duration": 13},
            {"url": f"{SHOP}/checkout", "enteredTimestamp": began + 13_000, "duration": 7},
        ],
    }


def test_the_nine_digits_are_no_key_to_the_history(carol: Customer, ben: User) -> None:
    said = carol.starts()
    Desktop(ben).joins(said["sessionToken"])
    assert Desktop(ben).get(f"/cobrowse/rest/history/sessions/{said['sessionToken']}").status_code == 404


def test_the_history_is_of_the_agent_and_of_administrators_and_of_nobody_else(
    carol: Customer, ben: User, bea: User, ada: User, cleo: User
) -> None:
    said = carol.starts()
    desk = Desktop(ben)
    desk.joins(said["sessionToken"])
    desk.does("exit")
    path = f"/cobrowse/rest/history/sessions/{said['sessionHistoryId']}"
    told = {who: Desktop(who).get(path).status_code for who in (ben, ada, bea, cleo)}
    assert told == {ben: 200, ada: 200, bea: 404, cleo: 404}
    assert Desktop(None).get(path).status_code == 401


@pytest.mark.parametrize(
    "url",
    ["", "https://other.example/", f"{SHOP}.evil.example/", "javascript:alert(1)", f"{SHOP}:444/", "/basket", "\0",
     "https://shop.acme.example@evil.example/", "https://shop.acme.example\\@evil.example/", "x" * 4_000],
)  # fmt: skip
def test_pages_of_other_sites_are_not_noted(carol: Customer, url: str) -> None:
    carol.starts()
    assert carol.does("page", {"url": url}).status_code == 400
    assert not CobrowseSession.objects.get().pages.exists()


def test_where_the_cluster_names_an_address_it_is_told(carol: Customer, cluster: Application) -> None:
    assert carol.starts()["sessionServerUrl"] == "http://127.0.0.1:8000/cobrowse"
    application(cluster.company, "cluster", url="https://cobrowse.acme.example/cobrowse/")
    assert carol.starts()["sessionServerUrl"] == "https://cobrowse.acme.example/cobrowse"
    application(cluster.company, "cluster", server_url="https://public.acme.example/cobrowse")
    assert carol.starts()["sessionServerUrl"] == "https://public.acme.example/cobrowse"


def test_the_user_token_is_kept_as_a_fingerprint_and_is_of_one_person(
    carol: Customer, ben: User, bea: User
) -> None:
    digits = carol.starts()["sessionToken"]
    desk = Desktop(ben)
    desk.joins(digits)
    assert not Participant.objects.filter(fingerprint=desk.user_token).exists()
    thief = Desktop(bea)
    thief.user_token = desk.user_token
    assert thief.does("exit").json()["code"] == "session_not_found"
    stranger = Customer()
    stranger.user_token = desk.user_token
    assert stranger.does("exit").status_code == 401
    foreign = Customer("https://help.acme.example")
    foreign.user_token = carol.user_token
    assert foreign.does("exit").status_code == 403
    assert carol.sees()["state"] == "active"


def test_a_company_that_is_switched_off_starts_nothing(carol: Customer, acme: Company) -> None:
    acme.is_active = False
    acme.save()
    assert carol.post(f"{LIVE}/sessions").json()["code"] == "origin_not_allowed"


def test_who_sees_the_session_of_somebody_else_is_no_part_of_it(
    carol: Customer, ben: User, ada: User
) -> None:
    said = carol.starts()
    desk = Desktop(ben)
    desk.joins(said["sessionToken"])
    path = f"/api/1/sessions/{said['sessionHistoryId']}"
    boss = Desktop(ada)
    assert boss.get(path).status_code == 200
    assert boss.put(path, {"remote_control": "requested"}).status_code == 403
    assert boss.put(path, {"agent": "me"}).status_code == 409
    assert carol.sees()["asked"] == "no"
    assert boss.put(path, {"state": "ended"}).json()["ended_reason"] == "agent_ended"
    assert carol.sees()["endedReason"] == "administrator"

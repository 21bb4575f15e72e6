"""The agent's page: who is let in, digits, one's own sessions, those of the company, and one session with its modes and its end."""

import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import trespass
from accounts.models import Session as SignIn
from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from cobrowse.models import Application, CobrowseSession
from cobrowse.sessions.finding import WRONG_BY_PERSON
from cobrowse.sessions.states import Ended
from tenants.actor import system_actor
from tenants.models import Company, Privilege, Role
from tenants.settings import change_settings
from tests import cast
from tests.accounts.story import events
from tests.accounts.vouched import integration_of
from tests.cast import Browse
from tests.cobrowse.story import OTHER, SHOP, TOKEN, Customer, Desktop, application, session
from tests.journeys.pages import Page

pytestmark = pytest.mark.django_db
PAGE = "/cobrowse/agent/"


@pytest.fixture(autouse=True)
def _nothing_noted_yet() -> None:
    trespass._noted.clear()


def page_of(answer: HttpResponse, status: int = 200) -> Page:
    """What stands on the page."""
    assert answer.status_code == status, answer.status_code
    return Page(answer.content.decode())


def said_wrong(page: Page) -> str:
    """What the page complains about."""
    return " ".join(page.errors)


def at(found: CobrowseSession | uuid.UUID, rest: str = "") -> str:
    """The address of a session's page."""
    return f"{PAGE}{getattr(found, 'uid', found)}/{rest}"


def joined(window: Client, said: dict[str, Any]) -> CobrowseSession:
    """The session, once the agent of this window has joined it."""
    answer = window.post(PAGE, {"digits": said["sessionToken"]})
    found = session(said)
    assert (answer.status_code, answer["Location"]) == (302, at(found)), answer.content
    return found


def refusals() -> list[dict[str, Any]]:
    """What was written down of refusals."""
    return [one.details for one in AuditEvent.objects.filter(event=Event.REFUSED).order_by("pk")]


def asked_for_write_mode(window: Client, found: CobrowseSession) -> str:
    """The page after the agent has asked."""
    answer = window.post(at(found, "mode/"), {"action": "request"}, follow=True)
    return page_of(answer).text


# --- who is let in (C2, C4, C6) ------------------------------------------------------------------------------------------


def test_a_stranger_signs_in_first(browser: Browse) -> None:
    for path in (PAGE, at(uuid.uuid4()), at(uuid.uuid4(), "state")):
        assert browser().get(path)["Location"].startswith("/login/?next=%2Fcobrowse%2Fagent%2F")


def test_without_the_privilege_everything_is_refused_and_written_down(
    browser: Browse, moe: User, ben: User, carol: Customer
) -> None:
    said = carol.starts()
    found = joined(browser(ben), said)
    window = browser(moe)
    for answer in (
        window.get(PAGE),
        window.post(PAGE, {"digits": said["sessionToken"]}),
        window.get(at(found)),
        window.get(at(found, "state")),
        window.post(at(found, "mode/"), {"action": "request"}),
        window.post(at(found, "end/")),
    ):
        page = page_of(answer, 403)
        assert "the privilege “Agent - Can Monitor Co-browse” is missing" in page.text
        assert "Carol" not in page.text
    assert [one["code"] for one in refusals()] == ["privilege_missing"] * 6
    assert refusals()[0]["request"] == f"GET {PAGE}"
    found.refresh_from_db()
    assert (found.ended_at, found.asked) == (None, "no")


def test_only_who_may_work_with_sessions_sees_the_link(
    browser: Browse, moe: User, ben: User, root: User
) -> None:
    assert PAGE in browser(ben).get("/").content.decode()
    assert PAGE not in browser(moe).get("/").content.decode()
    assert PAGE not in browser(root).get("/").content.decode()  # of no company


def test_somebody_of_no_company_is_sent_to_the_administration(browser: Browse, root: User) -> None:
    answer = browser(root).get(PAGE)
    page = page_of(answer, 403)
    assert "You belong to no company" in page.text
    assert "/admin/" in page.links
    assert refusals()[0]["code"] == "no_company"


def test_refusals_in_a_loop_do_not_fill_the_trail(browser: Browse, moe: User) -> None:
    window = browser(moe)
    for _time in range(70):
        assert window.get(PAGE).status_code == 403
    assert len(refusals()) in {60, 61}


@pytest.mark.parametrize(
    ("in_cluster", "in_workspace", "words", "log"),
    [
        ("", "", "", ""),
        (TOKEN, TOKEN, "", ""),
        ("", TOKEN, "", "cobrowse.token.not_configured"),
        (TOKEN, "", "this desktop sent no agent token", "cobrowse.token.missing"),
        (TOKEN, OTHER, "is not the one that the Co-browse Cluster expects", "cobrowse.token.invalid"),
    ],
)
def test_the_page_acts_as_the_workspace_application_of_the_company(
    in_cluster: str,
    in_workspace: str,
    words: str,
    log: str,
    browser: Browse,
    acme: Company,
    ben: User,
    carol: Customer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    application(acme, "cluster", token=in_cluster)
    application(acme, "workspace", token=in_workspace)
    said = carol.starts()
    caplog.clear()
    with caplog.at_level(logging.WARNING, "cobrowse"):
        window = browser(ben)
        answer = window.post(PAGE, {"digits": said["sessionToken"]})
    if words:
        page = page_of(answer, 403)
        assert "The session does not start" in page.text
        assert words in page.text
        assert page.form_to(PAGE) is None  # nothing can be joined
        assert session(said).state == "idle"
        assert refusals()[-1]["code"] in {"agent_token_missing", "agent_token_invalid"}
        assert "/admin/" not in " ".join(page.links)
    else:
        assert answer.status_code == 302
        assert session(said).state == "active"
    warned = [one.getMessage() for one in caplog.records if one.name == "cobrowse"]
    assert [log in one for one in warned] == ([True] if log else [])
    for text in (answer.content.decode(), window.get(PAGE).content.decode(), *warned, str(refusals())):
        assert TOKEN not in text
        assert OTHER not in text


def test_an_administrator_who_is_refused_is_led_to_the_applications(
    browser: Browse, acme: Company, ada: User, cluster: Application
) -> None:
    application(acme, "cluster", token=TOKEN)
    page = page_of(browser(ada).get(PAGE), 403)
    assert "/admin/cobrowse/application/" in page.links


def test_a_token_that_changes_meanwhile_holds_at_the_next_request(
    browser: Browse, acme: Company, ben: User, carol: Customer
) -> None:
    window, found = browser(ben), None
    found = joined(window, carol.starts())
    application(acme, "cluster", token=TOKEN)
    for path in (at(found), at(found, "state")):
        assert window.get(path).status_code == 403
    assert window.post(at(found, "mode/"), {"action": "request"}).status_code == 403
    application(acme, "workspace", token=TOKEN)
    assert window.get(at(found)).status_code == 200


def test_off_is_told_to_who_sees_the_applications_and_to_nobody_else(
    browser: Browse, acme: Company, ada: User, ben: User, cluster: Application
) -> None:
    words = "Agent authentication is off"
    page = page_of(browser(ada).get(PAGE))
    assert words in page.text
    assert "/admin/cobrowse/application/" in page.links
    assert words not in page_of(browser(ben).get(PAGE)).text
    application(acme, "cluster", token=TOKEN)
    application(acme, "workspace", token=TOKEN)
    assert words not in page_of(browser(ada).get(PAGE)).text


def test_where_off_means_refuse_the_sentence_says_so(
    browser: Browse, acme: Company, ben: User, cluster: Application
) -> None:
    change_settings(
        {"Cobrowse.RefuseWhenTokenUnset": True},
        company=acme,
        reason="test",
        by=system_actor(),
        now=timezone.now(),
    )
    page = page_of(browser(ben).get(PAGE), 403)
    assert "agent authentication is not set up here" in page.text


# --- digits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["{}", " {} ", "{}-", "{}.", "{}\u00a0"])
@pytest.mark.parametrize("kind", ["sessionToken", "code"])
def test_ben_joins_with_nine_digits_or_with_six_however_they_are_written(
    kind: str, written: str, browser: Browse, ben: User, carol: Customer
) -> None:
    said = carol.starts()
    digits = said[kind]
    typed = f"{written.format(digits[:3])} {digits[3:6]}-{digits[6:]}"
    answer = browser(ben).post(PAGE, {"digits": typed}, follow=True)
    page = page_of(answer)
    assert page.heading == "Carol"
    assert "Pointer mode" in page.text
    found = session(said)
    assert (found.state, found.agent_name, found.mode) == ("active", "Ben", "pointer")
    assert carol.sees()["users"][1] == {"userId": 2, "role": 2, "name": "Ben"}
    assert said["userToken"] not in answer.content.decode()


@pytest.mark.parametrize("digits", ["", "12345", "1234567", "١٢٣٤٥٦", "12a456", "9" * 40, "-"])
def test_what_is_no_digits_is_explained_and_not_counted(digits: str, browser: Browse, ben: User) -> None:
    window = browser(ben)
    for _time in range(WRONG_BY_PERSON.tries + 2):
        page = page_of(window.post(PAGE, {"digits": digits}))
        assert page.errors
        assert "No session is waiting" not in page.text
    assert page.form_to(PAGE).values["digits"] == digits  # type: ignore[union-attr]


def test_wrong_digits_are_explained_kept_and_at_last_too_many(
    browser: Browse, ben: User, bea: User, carol: Customer
) -> None:
    window, said = browser(ben), carol.starts()
    wrong = str((int(said["sessionToken"]) + 1) % 10**9).zfill(9)
    for _time in range(WRONG_BY_PERSON.tries):
        answer = window.post(PAGE, {"digits": f"{wrong[:3]} {wrong[3:]}"})
        page = page_of(answer)
        assert "No session is waiting under these digits" in said_wrong(page)
        assert page.form_to(PAGE).values["digits"] == f"{wrong[:3]} {wrong[3:]}"  # type: ignore[union-attr]
    answer = window.post(PAGE, {"digits": said["sessionToken"]})
    page = page_of(answer, 429)
    assert "Too many tries. Please try again in 10 minutes." in said_wrong(page)
    assert 0 < int(answer["Retry-After"]) <= 600
    assert session(said).state == "idle"
    assert window.get(PAGE).status_code == 200
    joined(browser(bea), said)  # others are counted apart


def test_a_session_is_joined_once(browser: Browse, ben: User, bea: User, carol: Customer) -> None:
    said = carol.starts()
    joined(browser(ben), said)
    page = page_of(browser(bea).post(PAGE, {"digits": said["sessionToken"]}))
    assert "Somebody has joined this session already" in said_wrong(page)
    page = page_of(browser(bea).post(PAGE, {"digits": said["code"]}))
    assert "No session is waiting under these digits" in said_wrong(page)


def test_the_digits_of_ones_own_session_lead_back_to_it(browser: Browse, ben: User, carol: Customer) -> None:
    window, said = browser(ben), carol.starts()
    joined(window, said)
    joined(window, said)


def test_an_agent_is_in_one_session_at_a_time(browser: Browse, ben: User, carol: Customer) -> None:
    window = browser(ben)
    first = joined(window, carol.starts())
    second = Customer().starts()
    page = page_of(window.post(PAGE, {"digits": second["sessionToken"]}))
    assert "You are in another co-browse session" in said_wrong(page)
    assert at(first) in page.links


def test_digits_of_another_company_are_like_wrong_ones(browser: Browse, cleo: User, carol: Customer) -> None:
    page = page_of(browser(cleo).post(PAGE, {"digits": carol.starts()["sessionToken"]}))
    assert "No session is waiting under these digits" in said_wrong(page)


# --- lists ---------------------------------------------------------------------------------------------------------------


def test_ben_sees_his_own_sessions_and_nobody_elses(
    browser: Browse, ben: User, bea: User, carol: Customer
) -> None:
    window = browser(ben)
    empty = page_of(window.get(PAGE)).text
    assert "You are in no session." in empty
    assert "earlier sessions" not in empty
    mine = joined(window, carol.starts())
    theirs = joined(browser(bea), Customer().starts(name="Cora"))
    page = page_of(window.get(PAGE))
    assert at(mine) in page.links
    assert at(theirs) not in page.links
    assert "All sessions of" not in page.text
    window.post(at(mine, "end/"))
    page = page_of(window.get(PAGE))
    assert "You are in no session." in page.text
    assert "the agent left" in page.text
    assert at(mine) in page.links


def test_what_lapsed_is_not_live_any_more(browser: Browse, ben: User, carol: Customer) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        window = browser(ben)
        found = joined(window, carol.starts())
        clock.shift(timedelta(minutes=4))
        assert carol.sees()["state"] == "active"
        clock.shift(timedelta(minutes=2))
        page = page_of(window.get(PAGE))
        assert "You are in no session." in page.text
        assert "one side was silent for too long" in page.text
        assert page_of(window.get(at(found))).text.count("The session has ended") > 0


def test_earlier_sessions_are_paged_by_key(browser: Browse, ben: User, acme: Company) -> None:
    now = timezone.now()
    made = CobrowseSession.objects.bulk_create(
        CobrowseSession(
            company=acme, agent=ben, token=f"{n:09}", code=f"{n:06}", state="ended", origin=SHOP,
            created_at=now, updated_at=now, expires_at=now, ended_at=now, ended_reason=Ended.AGENT_LEFT,
        )
        for n in range(45)
    )  # fmt: skip
    window, path, found = browser(ben), PAGE, list[uuid.UUID]()
    for _page in range(3):
        answer = window.get(path)
        found += [shown["session"].uid for shown in answer.context["past"]]
        path = f"{PAGE}?before={answer.context['older']}"
    assert found == [one.uid for one in reversed(made)]
    assert answer.context["older"] is None
    for nonsense in ("x", "-1", "9" * 30, "%00", "\u0661"):
        assert len(window.get(f"{PAGE}?before={nonsense}&live={nonsense}").context["past"]) == 20


def test_ada_sees_and_ends_the_sessions_of_her_company(
    browser: Browse, ada: User, ben: User, cleo: User, globex: Company, carol: Customer
) -> None:
    found = joined(browser(ben), carol.starts())
    waiting = session(Customer().starts(name="Cora"))
    application(globex, "cluster", origins="https://globex.example")
    foreign = session(Customer("https://globex.example").starts(name="Gil"))
    window = browser(ada)
    page = page_of(window.get(PAGE))
    for words in (
        "All sessions of Acme",
        "Carol",
        "Ben",
        "Cora",
        "nobody has joined yet",
        "shop.acme.example",
    ):
        assert words in page.text
    assert "Gil" not in page.text
    assert page_of(window.get(at(found))).heading == "Carol"
    assert page_of(window.get(at(waiting))).heading == "Cora"
    assert window.get(at(foreign)).status_code == 404
    page = page_of(window.post(at(found, "end/"), {"back": "list"}, follow=True))
    assert "The session was ended." in page.text
    assert carol.sees()["endedReason"] == "administrator"
    assert window.post(at(foreign, "end/")).status_code == 404
    # Cleo's side of the same.
    assert page_of(browser(cleo).get(at(foreign))).heading == "Gil"
    assert browser(cleo).get(at(waiting)).status_code == 404


def test_ada_leads_no_session_of_somebody_else(
    browser: Browse, ada: User, ben: User, carol: Customer
) -> None:
    found = joined(browser(ben), carol.starts())
    window = browser(ada)
    assert page_of(window.get(at(found))).form_to(at(found, "mode/")) is None
    answer = window.post(at(found, "mode/"), {"action": "request"}, follow=True)
    assert "You may look at this session, and not take part in it." in page_of(answer).text
    assert refusals()[-1]["code"] == "forbidden"
    assert carol.sees()["asked"] == "no"


def test_who_sees_all_without_ending_them_gets_no_button(
    browser: Browse, acme: Company, ben: User, carol: Customer
) -> None:
    looking = Role.objects.create(name="Supervisor", company=acme, rank=30)
    names = ("Co-browse Sessions - View", "Agent - Can Monitor Co-browse")
    looking.privileges.set(Privilege.objects.filter(name__in=names))
    looking.permissions.create(kind="cobrowse", reach="own")
    eva = cast.person("eva@acme.example", company=acme, role=cast.MEMBER)
    eva.roles.set([looking])
    found = joined(browser(ben), carol.starts())
    window = browser(eva)
    page = page_of(window.get(PAGE))
    assert at(found) in page.links
    assert [one.action for one in page.forms if "/end/" in one.action] == []
    answer = window.post(at(found, "end/"), follow=True)
    assert "You may not do this." in page_of(answer).text
    assert carol.sees()["state"] == "active"


def test_the_statements_do_not_grow_with_the_sessions(
    browser: Browse, ada: User, ben: User, carol: Customer, acme: Company
) -> None:
    joined(browser(ben), carol.starts())
    window = browser(ada)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert window.get(PAGE).status_code == 200
        # In the tests every cache asks for its version each time; in the product one thread does.
        return sum("core_epoch" not in one["sql"] for one in asked)

    statements()
    one = statements()
    for number in range(12):
        joined(
            browser(cast.person(f"a{number}@acme.example", company=acme, role=cast.AGENT)),
            Customer().starts(),
        )
    statements()  # what is cached is read anew after a change
    assert statements() == one


# --- one session ---------------------------------------------------------------------------------------------------------


def test_write_mode_is_asked_for_granted_and_given_back(browser: Browse, ben: User, carol: Customer) -> None:
    window = browser(ben)
    found = joined(window, carol.starts())
    assert "The customer is asked on the page" in asked_for_write_mode(window, found)
    assert carol.sees()["asked"] == "requested"
    carol.does("mode", {"mode": "write", "action": "grant"})
    page = page_of(window.get(at(found)))
    assert "The customer lets you type and click" in page.text
    assert page.form_to(at(found, "mode/")).values["action"] == "end"  # type: ignore[union-attr]
    window.post(at(found, "mode/"), {"action": "end"})
    assert carol.sees()["mode"] == "pointer"
    assert events(Event.COBROWSE_MODE_CHANGED)


def test_a_refusal_is_told_and_one_can_ask_again_or_withdraw(
    browser: Browse, ben: User, carol: Customer
) -> None:
    window = browser(ben)
    found = joined(window, carol.starts())
    asked_for_write_mode(window, found)
    carol.does("mode", {"mode": "write", "action": "refuse"})
    page = page_of(window.get(at(found)))
    assert "The customer refused write mode" in page.text
    assert "Ask again" in page.text
    asked_for_write_mode(window, found)
    page = page_of(window.post(at(found, "mode/"), {"action": "end"}, follow=True))
    assert "Pointer mode" in page.text
    assert carol.sees()["asked"] == "no"


@pytest.mark.parametrize("action", ["grant", "refuse"])
def test_the_agent_does_not_answer_for_the_customer(
    action: str, browser: Browse, ben: User, carol: Customer
) -> None:
    window = browser(ben)
    found = joined(window, carol.starts())
    asked_for_write_mode(window, found)
    page = page_of(window.post(at(found, "mode/"), {"action": action}, follow=True))
    assert "The other side decides this." in page.text
    assert (carol.sees()["mode"], carol.sees()["asked"]) == ("pointer", "requested")


@pytest.mark.parametrize("action", ["", "take", "\x00", "REQUEST"])
def test_an_action_that_there_is_not_is_a_bad_request(
    action: str, browser: Browse, ben: User, carol: Customer
) -> None:
    window = browser(ben)
    found = joined(window, carol.starts())
    assert window.post(at(found, "mode/"), {"action": action}).status_code == 400


def test_what_was_a_moment_quicker_is_no_complaint(browser: Browse, ben: User, carol: Customer) -> None:
    window = browser(ben)
    found = joined(window, carol.starts())
    asked_for_write_mode(window, found)
    page = page_of(window.post(at(found, "mode/"), {"action": "request"}, follow=True))
    assert page.errors == [""] or not any(page.errors)
    carol.does("exit")
    page = page_of(window.post(at(found, "end/"), follow=True))
    assert "the customer left" in page.text.lower()
    assert not any(page.errors)


def test_ben_ends_his_session_and_what_ended_stays_so(browser: Browse, ben: User, carol: Customer) -> None:
    window, said = browser(ben), carol.starts()
    found = joined(window, said)
    page = page_of(window.post(at(found, "end/"), follow=True))
    assert "The session has ended" in page.text
    assert "The agent left" in page.text
    assert PAGE in page.links
    assert [one.action for one in page.forms] == ["/logout/"]
    assert carol.sees()["endedReason"] == "agent-left"
    page = page_of(window.post(PAGE, {"digits": said["sessionToken"]}))
    assert "No session is waiting under these digits" in said_wrong(page)


def test_a_get_ends_and_asks_nothing(browser: Browse, ben: User, carol: Customer) -> None:
    window = browser(ben)
    found = joined(window, carol.starts())
    for rest in ("end/", "mode/"):
        assert window.get(at(found, rest)).status_code == 405
    assert window.post(at(found)).status_code == 405
    assert carol.sees()["state"] == "active"


def test_a_form_of_another_site_counts_for_nothing(ben: User, carol: Customer) -> None:
    found = joined(cast.browser(ben), carol.starts())
    window = cast.browser(ben, enforce_csrf_checks=True)
    for path in (PAGE, at(found, "end/"), at(found, "mode/")):
        assert window.post(path, {"digits": "123456", "action": "request"}).status_code == 403
    assert carol.sees()["state"] == "active"


def test_pages_are_listed_with_how_long_they_were_seen(browser: Browse, ben: User, carol: Customer) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        window = browser(ben)
        found = joined(window, carol.starts())
        assert "No page was seen yet." in page_of(window.get(at(found))).text
        carol.does("page", {"url": f"{SHOP}/lamps?secret=hush#more"})
        clock.shift(timedelta(seconds=83))
        carol.does("page", {"url": f"{SHOP}/basket/<b>"})
        clock.shift(timedelta(seconds=7))
        answer = window.get(at(found))
        text = page_of(answer).text
        assert "/lamps" in text
        assert "1 min 23 s" in text
        assert "now" in text
        assert "hush" not in answer.content.decode()
        assert "<b>" not in answer.content.decode()
        carol.does("exit")
        assert "7 s" in page_of(window.get(at(found))).text


def test_custom_data_and_names_are_text_and_nothing_else(browser: Browse, ben: User, carol: Customer) -> None:
    said = carol.starts(
        name="<script>alert(1)</script>",
        custom_data={"items": 3, "<i>order": "<b>7", "vip": True, "gone": None, "none": ""},
    )
    window = browser(ben)
    found = joined(window, said)
    html = window.get(at(found)).content.decode() + window.get(PAGE).content.decode()
    for markup in ("<script>alert", "<i>order", "<b>7"):
        assert markup not in html
    text = page_of(window.get(at(found))).text
    assert "items 3" in text
    assert "vip yes" in text


def test_the_digits_of_a_session_that_an_agent_began_are_shown_to_him(
    browser: Browse, ben: User, ada: User, cluster: Application
) -> None:
    answer = Desktop(ben).post("/api/1/sessions", {})
    assert answer.status_code in {200, 201}, answer.content
    found = CobrowseSession.objects.get()
    page = page_of(browser(ben).get(at(found)))
    digits = f"{found.token[:3]} {found.token[3:6]} {found.token[6:]}"
    assert "Waiting for the customer" in page.text
    assert digits in page.text
    assert digits not in page_of(browser(ada).get(at(found))).text


def test_how_it_stands_is_told_to_the_page_and_is_a_sign_of_life(
    browser: Browse, ben: User, carol: Customer
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        window = browser(ben)
        found = joined(window, carol.starts())
        first = window.get(at(found, "state")).json()
        assert first.keys() == {"state", "quiet", "mode", "asked", "pages", "version"}
        assert (first["state"], first["mode"], first["asked"], first["pages"]) == (
            "active",
            "pointer",
            "no",
            0,
        )
        assert window.get(at(found, "state")).json() == first
        clock.shift(timedelta(seconds=1))
        carol.does("page", {"url": f"{SHOP}/"})
        asked_for_write_mode(window, found)
        second = window.get(at(found, "state")).json()
        assert (second["asked"], second["pages"]) == ("requested", 1)
        assert second["version"] > first["version"]
        for _minute in range(6):  # both are heard, so it goes on
            clock.shift(timedelta(minutes=2))
            assert window.get(at(found, "state")).json()["state"] == "active"
            carol.sees()
        assert window.get(at(found)).status_code == 200  # somebody is there
        clock.shift(timedelta(minutes=5))
        carol.sees()
        assert window.get(at(found, "state")).json()["state"] == "ended"


def test_a_customer_of_whom_nothing_is_heard_is_told_to_the_agent(
    browser: Browse, ben: User, carol: Customer
) -> None:
    agent = browser(ben)
    found = joined(agent, carol.starts())
    assert not agent.get(at(found, "state")).json()["quiet"]
    CobrowseSession.objects.update(customer_seen_at=timezone.now() - timedelta(seconds=46))
    assert agent.get(at(found, "state")).json()["quiet"]
    assert "Nothing has been heard of the customer" in agent.get(at(found)).content.decode()
    carol.sees()
    assert not agent.get(at(found, "state")).json()["quiet"]


def test_a_page_that_is_left_open_is_no_use_and_locks(browser: Browse, ben: User, carol: Customer) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        window = browser(ben)
        found = joined(window, carol.starts())
        for _time in range(6):
            assert window.get(at(found, "state")).json()["state"] == "active"
            clock.shift(timedelta(minutes=2, seconds=30))
            carol.sees()
        answer = window.get(at(found, "state"))
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/confirm/")


def test_a_session_of_somebody_else_does_not_exist(
    browser: Browse, ben: User, bea: User, cleo: User, carol: Customer
) -> None:
    found = joined(browser(ben), carol.starts())
    for one in (bea, cleo):
        window = browser(one)
        assert window.get(at(found)).status_code == 404
        assert window.get(at(found, "state")).status_code == 404
        assert window.post(at(found, "mode/"), {"action": "request"}).status_code == 404
        assert window.post(at(found, "end/")).status_code == 404
    assert browser(ben).get(at(uuid.uuid4())).status_code == 404
    assert carol.sees()["state"] == "active"


# --- who came by the token of an integration, with a policy (K3, C4) ----------------------------------------------------------


def vouched(user: User, policy: dict[str, Any]) -> Client:
    """A browser in which an integration has signed this person in, with no more than the policy allows."""
    assert user.company is not None
    window, desk = cast.browser(user), integration_of(user.company)
    grant = {"role": None, "policy": policy}
    SignIn.objects.filter(user=user).update(integration=desk, integration_key=desk.keys.get(), grant=grant)
    return window


def test_a_policy_that_lets_one_read_lets_one_neither_ask_nor_end(ben: User, carol: Customer) -> None:
    window = vouched(ben, {"version": 3, "sessions": {"permissions": ["read"]}})
    found = joined(window, carol.starts())
    page = page_of(window.get(at(found)))
    assert [one.action for one in page.forms] == ["/logout/"]
    assert "look at this session, and not take part" in asked_for_write_mode(window, found)
    answer = window.post(at(found, "end/"), follow=True)
    assert "The policy of your token does not allow this." in page_of(answer).text
    assert (carol.sees()["state"], carol.sees()["asked"]) == ("active", "no")
    assert [one["code"] for one in refusals()] == ["forbidden", "forbidden"]


def test_a_policy_names_the_sessions_that_there_are(ben: User, carol: Customer) -> None:
    window = vouched(ben, {"version": 3, "sessions": {"custom_data": {"ticket": 7}}})
    page = page_of(window.post(PAGE, {"digits": carol.starts()["code"]}))
    assert "The policy of your token does not allow this." in said_wrong(page)
    found = joined(window, Customer().starts(custom_data={"ticket": 7}))
    asked_for_write_mode(window, found)
    assert session({"sessionToken": found.token}).asked == "requested"


def test_a_policy_without_sessions_opens_nothing(ben: User) -> None:
    page = page_of(vouched(ben, {"version": 3, "features": {}}).get(PAGE), 403)
    assert "privilege" in page.text


# --- the script of customers ---------------------------------------------------------------------------------------------

SCRIPT = "/cobrowse/js/gatehouse.js"


def test_the_script_has_one_address_and_any_site_may_load_it(client: Client) -> None:
    answer = client.get(SCRIPT, headers={"Origin": "https://anywhere.example"})
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in answer
    assert client.get(SCRIPT, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert client.head(SCRIPT).status_code == 200
    assert client.post(SCRIPT).status_code == 405


def test_the_script_is_the_same_in_every_language_and_has_the_words_of_each(client: Client) -> None:
    english = client.get(SCRIPT, headers={"Accept-Language": "en"})
    assert english.content == client.get(SCRIPT, headers={"Accept-Language": "de"}).content
    text = english.content.decode()
    assert '"de": {' in text
    assert "Share this page with an agent" in text
    assert "eval(" not in text
    assert "innerHTML" not in text

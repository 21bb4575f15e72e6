"""Pages of ours in frames of other sites: who is signed in by whose message, and what a code does."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser import pictures
from tests.browser.house import House
from tests.browser.site import Site, running_site
from tests.browser.window import close

pytestmark = pytest.mark.xdist_group("browser")
# What is stored there; a browser may not even let a page in a foreign frame ask.
_STORED = "name => { try { return JSON.stringify({ ...window[name] }); } catch { return '{}'; } }"
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def site(house: House) -> Iterator[Site]:
    """A desk that an integration of Acme trusts."""
    with running_site(house) as one:
        one.integration(one.origin)
        yield one


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """`visit(path)`: a browser of its own at a page of the site, or at another origin."""
    opened = []

    def open_page(path: str, *, origin: str = "", **how: Any) -> Page:
        context = chromium.new_context(**{"locale": "en"} | how)
        context.set_default_timeout(5_000)
        opened.append(context)
        page = context.new_page()
        page.goto((origin or site.origin) + path)
        return page

    yield open_page
    for context in opened:
        close(context)


def embedded(page: Page) -> Frame:
    """The frame of ours."""
    return page.frames[1]


def state(frame: Frame) -> str:
    """Which of its states the page shows."""
    shown = frame.eval_on_selector_all(
        "[data-state]:not([hidden])", "all => all.map(one => one.dataset.state)"
    )
    return " ".join(shown)


def waited_for(frame: Frame, name: str) -> None:
    frame.locator(f'[data-state="{name}"]:not([hidden])').first.wait_for(state="attached")


def heard(page: Page) -> list[str]:
    """The events that the site was sent."""
    return list(page.evaluate("heard.map(one => one.event)"))


def test_a_message_of_the_trusted_site_signs_in_and_leaves_the_token_nowhere(
    site: Site, visit: Visit
) -> None:
    token = site.token()
    page = visit(site.page("/desk", token))
    frame = embedded(page)
    waited_for(frame, "ready")
    assert "Nina Newcomer" in frame.locator("[data-who]").inner_text()
    assert "Acme" in frame.locator("[data-who]").inner_text()
    assert heard(page)[0] == "init"
    assert "error" not in heard(page)
    assert {one["origin"] for one in page.evaluate("heard")} == {site.house.url}
    kept = [
        frame.content(),
        frame.url,
        json.dumps(page.evaluate("heard")),
        frame.evaluate("JSON.stringify([document.cookie, history.state])"),
        *(frame.evaluate(_STORED, one) for one in ("localStorage", "sessionStorage")),
    ]
    assert kept[3:] == ['["",null]', "{}", "{}"]
    for text in kept:
        for secret in (token, "gh_refresh_", "eyJ"):
            assert secret not in text
    assert page.context.cookies() == []


def test_a_code_sends_itself_stays_when_it_is_wrong_and_can_be_pasted(site: Site, visit: Visit) -> None:
    page = visit(site.page("/code", site.token()))
    frame = embedded(page)
    waited_for(frame, "ready")
    pictures.take(page, "embed code")
    boxes = frame.locator(".embed-boxes input")
    assert boxes.count() == 6
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/1/" in request.url else None)
    expect(boxes.first).to_be_focused()
    page.keyboard.type("a1-2x345")
    assert [boxes.nth(place).input_value() for place in range(6)] == ["1", "2", "3", "4", "5", ""]
    assert not asked
    page.keyboard.type("6")
    frame.get_by_text("There is no session with this code.").wait_for()
    assert asked == [f"{site.house.url}/api/1/sessions/123456"]
    assert [boxes.nth(place).input_value() for place in range(6)] == list("123456")
    expect(boxes.last).to_be_focused()
    pictures.take(page, "embed code wrong")

    def paste(text: str, place: int) -> None:
        boxes.nth(place).evaluate(
            """(box, text) => { const data = new DataTransfer(); data.setData("text", text);
            box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })); }""",
            text,
        )

    paste("98a765", 2)
    assert [boxes.nth(place).input_value() for place in range(6)] == list("123456")
    paste(" 987654\n", 3)
    assert [boxes.nth(place).input_value() for place in range(6)] == list("987654")
    frame.get_by_text("There is no session with this code.").wait_for()
    assert asked[-1].endswith("/987654")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    assert [boxes.nth(place).input_value() for place in range(6)] == ["9", "8", "7", "6", "", ""]
    expect(boxes.nth(4)).to_be_focused()


def _started(house: House) -> dict[str, Any]:
    """What a customer on a page of the demo is told who starts a session."""
    request = Request(  # noqa: S310  (the house on this machine)
        f"{house.url}/cobrowse/rest/live/sessions",
        data=b'{"role": 1, "name": "Carol"}',
        headers={"Origin": house.url, "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def test_the_code_of_a_customer_joins_his_session_and_the_site_is_told(site: Site, visit: Visit) -> None:
    said = _started(site.house)
    page = visit(site.page("/joins", site.token(sub="jo@acme.example", role="agent")))
    frame = embedded(page)
    waited_for(frame, "ready")
    page.keyboard.type(said["code"])
    frame.get_by_text("You are in the session.").wait_for()
    pictures.take(page, "embed joined")
    told = page.evaluate("heard.at(-1)")
    assert (told["event"], told["data"]["id"]) == ("session", said["sessionHistoryId"])
    assert told["data"]["state"] == "active"
    assert said["userToken"] not in json.dumps(told)
    page.keyboard.type(_started(site.house)["code"])
    frame.get_by_text("You are in another co-browse session.").wait_for()
    pictures.take(page, "embed refused to join")


def test_who_may_not_work_with_sessions_is_told_so(site: Site, visit: Visit) -> None:
    policy = {"version": 3, "users": {}}
    page = visit(site.page("/barred", site.token(sub="jim@acme.example", role=None, policy=policy)))
    frame = embedded(page)
    waited_for(frame, "ready")
    page.keyboard.type("123456")
    expect(frame.locator("[data-barred]")).not_to_be_empty()


def test_a_session_that_is_not_there_is_said_to_be(site: Site, visit: Visit) -> None:
    page = visit(site.page("/session", site.token(), frame="/embed/session/abc123"))
    embedded(page).get_by_text("There is no such session, or it has ended.").wait_for()
    pictures.take(page, "embed session")


def test_a_token_that_comes_twice_is_sent_once_and_works_once(site: Site, visit: Visit) -> None:
    token = site.token()
    first = visit(site.page("/once", token))
    waited_for(embedded(first), "ready")
    first.evaluate("trust(); hand(); hand();")
    time.sleep(0.3)
    assert state(embedded(first)) == "ready"
    second = visit(site.page("/again", token))
    waited_for(embedded(second), "refused")
    assert "used already" in embedded(second).locator("[data-reason]").inner_text()
    assert heard(second)[-1] == "error"
    assert second.evaluate("heard.at(-1).data.id") == "invalid_token"
    pictures.take(second, "embed refused")
    second.evaluate(f"window.tokens = [{json.dumps(site.token())}]")
    embedded(second).get_by_role("button", name="Try again").click()
    waited_for(embedded(second), "ready")


def test_a_token_that_has_run_out_is_refused_in_words(site: Site, visit: Visit) -> None:
    then = int(time.time()) - 600
    page = visit(site.page("/late", site.token(iat=then, exp=then + 300)))
    waited_for(embedded(page), "refused")
    assert page.evaluate("heard.at(-1).data.message") == "jwt expired"


def test_another_site_cannot_show_the_page(site: Site, visit: Visit) -> None:
    page = visit(site.page("/framed", site.token()), origin=f"http://127.0.0.1:{site.port}")
    page.wait_for_timeout(700)
    assert not embedded(page).url.startswith(site.house.url)
    assert page.evaluate("heard") == []


def test_a_message_of_a_frame_beside_it_or_of_another_window_counts_for_nothing(
    site: Site, visit: Visit
) -> None:
    token = json.dumps(site.token())
    message = f'{{ cobrowseio: true, event: "token", data: {token} }}'
    site.pages["/beside"] = (
        f"<script>setInterval(() => parent.frames[0].postMessage({message}, '*'), 100)</script>"
    )
    page = visit(site.page("/two", more='<iframe src="/beside"></iframe>'))
    frame = embedded(page)
    waited_for(frame, "waiting")
    frame.evaluate(f"window.postMessage({message}, '*')")  # as a script of our own would
    time.sleep(0.6)
    assert state(frame) == "waiting"
    pictures.take(page, "embed waiting")
    for other in (
        "{ event: 'token', data: 'x' }",
        "'token'",
        "null",
        "{ cobrowseio: true, event: 'token', data: 7 }",
        "{ cobrowseio: true, event: 'token', data: 'x'.repeat(9000) }",
    ):
        page.evaluate(f"frame.contentWindow.postMessage({other}, '*')")
    time.sleep(0.2)
    assert state(frame) == "waiting"


def test_a_sign_in_that_ended_asks_the_site_for_another_token(site: Site, visit: Visit) -> None:
    page = visit(
        site.page("/ended", site.token(sub="emil@acme.example"), site.token(sub="emil@acme.example"))
    )
    frame = embedded(page)
    waited_for(frame, "ready")
    page.evaluate("window.kept = window.tokens; window.tokens = []")
    _end_sessions(site.house, "emil@acme.example")
    frame.locator(".embed-boxes input").first.focus()
    page.keyboard.type("123456")
    waited_for(frame, "ended")
    assert heard(page)[-2:] == ["error", "init"]
    assert not frame.locator("[data-who]").is_visible()
    pictures.take(page, "embed ended")
    page.evaluate("window.tokens = window.kept; hand()")
    waited_for(frame, "ready")
    assert frame.locator("[data-who]").is_visible()


def _end_sessions(house: House, email: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(house.product.folder / "db.sqlite3", timeout=10)) as database, database:
        database.execute(
            "UPDATE accounts_session SET ended_at = ? WHERE user_id = (SELECT id FROM accounts_user WHERE email = ?)",
            (now, email),
        )
        database.execute("UPDATE core_epoch SET version = version + 1")
    time.sleep(0.6)


def test_opened_alone_it_says_where_it_belongs(site: Site, visit: Visit) -> None:
    page = visit(f"/embed/code?license={site.licence}", origin=site.house.url)
    page.get_by_text("This page belongs inside a page of your service desk").wait_for()
    pictures.take(page, "embed alone")
    page = visit("/embed/code?license=unknown", origin=site.house.url)
    page.get_by_text("No site may show this page yet").wait_for()


def test_without_javascript_it_says_so(site: Site, visit: Visit) -> None:
    page = visit(f"/embed/code?license={site.licence}", origin=site.house.url, java_script_enabled=False)
    assert page.locator("noscript p").is_visible()
    assert "This page needs JavaScript" in page.locator("noscript p").inner_text()


def test_it_fits_into_a_narrow_frame_in_every_state(site: Site, visit: Visit) -> None:
    page = visit(
        site.page(
            "/narrow",
            site.token(
                sub="max@acme.example",
                displayName="Maximiliane-Alexandrina Freifrau von und zu " + "Hohenlohe" * 8,
            ),
        ),
        viewport={"width": 280, "height": 500},
    )
    frame = embedded(page)
    waited_for(frame, "ready")
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert frame.evaluate(wide) == 0
    pictures.take(page, "embed narrow")

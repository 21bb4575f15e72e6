"""Co-browse with both sides in a real browser: a customer starts, an agent joins, write mode is asked for, and somebody ends it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import pictures
from tests.browser.barriers import barriers
from tests.browser.conftest import Open
from tests.browser.house import ADA, BEN, CLEO, PASSWORD, House
from tests.browser.shop import (
    AGENT_PAGE,
    SHARE,
    Customer,
    Site,
    joins,
    running_site,
    set_applications,
    stands,
)
from tests.browser.test_every_page import LONG, wide_on_phones
from tests.browser.window import HAS_FOCUS_RING, Window, close

pytestmark = pytest.mark.xdist_group("browser")
CLIPBOARD = ["clipboard-read", "clipboard-write"]
STRICT = "default-src 'none'; script-src {house}; connect-src {house}; require-trusted-types-for 'script'"


@pytest.fixture(scope="module")
def site(house: House) -> Iterator[Site]:
    """Another site of Acme's, beside the demo's shop."""
    with running_site() as one:
        one.policy = STRICT.format(house=house.url)
        key = set_applications(house, "Acme", f"cluster cross-origin/allowedOrigins {house.url} {one.origin}")
        for path in ("/", "/next", "/quiet"):
            more = ' data-ui="off"' if path == "/quiet" else ""
            one.pages[path] = (
                '<!doctype html><html lang="en"><title>Acme</title><main><h1>Acme</h1>'
                f'<a href="/next?secret=hush#more">Go on</a></main>'
                f'<script src="{house.url}/cobrowse/js/gatehouse.js" data-key="{key}"{more} defer></script></html>'
            )
        yield one


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Callable[..., Customer]]:
    """`visitor(url)`: somebody at a page of any site; what the page complains about, no test forgives without saying so."""
    opened, complaints = [], list[str]()

    def visit(url: str, *, forgive: bool = False, **how: Any) -> Customer:
        context = chromium.new_context(**{"locale": "en"} | how)
        context.set_default_timeout(5_000)
        opened.append(context)
        page = context.new_page()
        if not forgive:
            page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return Customer(page)

    yield visit
    found = list(complaints)
    for context in opened:
        close(context)
    assert not found, found


def shopper(window: Open, path: str = "/demo/shop/", **how: Any) -> Customer:
    """A customer in the demo's shop."""
    one = window(**how)
    one.open(path)
    return Customer(one.page)


def agent(window: Open, house: House, name: str = "Nora", **how: Any) -> Window:
    """An agent of Acme who has signed in."""
    email = house.person(name)
    one = window()
    one.sign_in(email, PASSWORD)
    return window(storage_state=one.context.storage_state(), **how) if how else one


# --- from beginning to end -----------------------------------------------------------------------------------------------


def test_ben_joins_with_pasted_digits_and_everything_goes_its_way(
    window: Open, signed_in: Callable[[str], Any]
) -> None:
    carol = shopper(window, permissions=CLIPBOARD)
    digits = carol.starts()
    carol.button("Copy").click()
    carol.reads("Copied")
    assert carol.page.evaluate("navigator.clipboard.readText()") == digits

    ben = window(storage_state=signed_in(BEN), permissions=CLIPBOARD)
    ben.open("/")
    ben.page.get_by_role("link", name="Co-browse", exact=True).click()
    ben.field("Digits of the customer").focus()
    ben.page.evaluate("text => navigator.clipboard.writeText(text)", f" {digits}\n")
    ben.page.keyboard.press("Control+V")
    ben.page.keyboard.press("Enter")
    stands(ben, "Pointer mode")
    assert ben.page.title().startswith("Pointer mode · A customer")

    carol.reads("Ben Brandt is here")
    carol.reads("Ben Brandt sees which page you are on. Only you type and click.")
    carol.page.get_by_role("link", name="To the basket").click()
    carol.reads("Ben Brandt is here")  # the next page goes on, and knows at once
    expect(ben.page.locator(".visits li").first).to_contain_text("/demo/shop/basket/", timeout=8_000)

    ben.press("Ask for write mode")
    stands(ben, "You asked for write mode")
    carol.reads("Ben Brandt asks to type and click on this page.")
    carol.button("Allow").click()
    carol.reads("Ben Brandt may type and click on this page, because you allowed it.", seconds=2)
    stands(ben, "Write mode")
    assert ben.page.title().startswith("Write mode")
    expect(ben.page.get_by_role("status")).to_have_text("Write mode")  # and is read out

    carol.button("Take that back").click()
    carol.reads("Only you type and click.")
    stands(ben, "Pointer mode")

    ben.page.locator("summary", has_text="End the session").click()
    ben.press("End it now")
    stands(ben, "The session has ended")
    assert ben.reads("The agent left")
    carol.reads("The session has ended")
    carol.reads("The agent ended it.")
    carol.button("Close").click()
    expect(carol.button(SHARE)).to_be_visible()
    carol.page.reload()
    expect(carol.button(SHARE)).to_be_visible()
    assert carol.page.evaluate("sessionStorage.length") == 0


def test_a_customer_joins_by_the_digits_that_an_agent_tells(window: Open, house: House) -> None:
    email, nora, ask = house.person("Nora"), window(), house.product.ask
    nora.sign_in(email, PASSWORD)
    handle = ask("/api/v1/login/", {"username": email})[1]["handle"]
    gained = ask("/api/v1/login/password/", {"handle": handle, "password": PASSWORD})[1]
    _status, made = ask("/api/1/sessions", {}, token=gained["access_token"])
    nora.open(f"{AGENT_PAGE}{made['id']}/")
    stands(nora, "Waiting for the customer")
    digits = nora.page.locator("#digits").inner_text()

    carol = shopper(window)
    carol.button("I have digits from an agent").click()
    field = carol.box.get_by_label("Digits from the agent")
    expect(field).to_be_focused()
    field.fill("123 45")
    carol.page.keyboard.press("Enter")
    carol.reads("No session waits with these nine digits.")
    assert field.input_value() == "123 45"
    pictures.take(carol.page, "customer digits wrong")
    field.fill(digits)
    carol.button("Join").click()
    carol.reads("Nora is here")
    stands(nora, "Pointer mode")


def test_wrong_digits_are_explained_and_can_be_put_right_at_once(window: Open, house: House) -> None:
    nora = agent(window, house)
    nora.open(AGENT_PAGE)
    nora.field("Digits of the customer").fill("12 34")
    nora.press("Join")
    assert nora.alert == "These are not nine digits, nor six. Compare them with what the customer sees."
    assert nora.field("Digits of the customer").input_value() == "12 34"
    assert nora.has_focus("Digits of the customer")
    carol = shopper(window)
    carol.starts()
    nora.page.keyboard.type("000 000 000")  # takes the place of what was wrong
    nora.press("Join")
    assert "No session is waiting under these digits." in nora.alert
    assert nora.page.title().startswith("Error:")
    nora.page.keyboard.type(carol.code.replace(" ", "-"))
    nora.press("Join")
    stands(nora, "Pointer mode")
    carol.button("End").click()


def test_a_customer_refuses_and_leaves_and_the_agent_is_told(window: Open, house: House) -> None:
    nora = agent(window, house)
    carol = shopper(window)
    joins(nora, carol.starts())
    nora.press("Ask for write mode")
    carol.reads("Nora asks to type and click on this page.")
    carol.button("Refuse").click()
    expect(carol.button("Refuse")).to_have_count(0)
    stands(nora, "The customer refused write mode")
    nora.press("Ask again")
    carol.reads("Nora asks to type and click on this page.")
    nora.press("Withdraw")
    expect(carol.button("Allow")).to_have_count(0, timeout=8_000)
    carol.button("End").click()
    carol.reads("You ended it.", seconds=2)
    stands(nora, "The session has ended")
    assert nora.reads("The customer left")


def test_ada_sees_and_ends_what_goes_on_in_her_company(
    window: Open, house: House, signed_in: Callable[[str], Any]
) -> None:
    nora = agent(window, house, name="Nina Nowak")
    carol = shopper(window)
    joins(nora, carol.starts())
    ada = window(storage_state=signed_in(ADA))
    ada.open(AGENT_PAGE)
    assert ada.reads("Agent authentication is off")
    row = (
        ada.page.locator("#everybody").locator("xpath=ancestor::section").locator("li", has_text="Nina Nowak")
    )
    row.locator("summary").click()
    with ada.page.expect_navigation():
        row.get_by_role("button", name="End it now").click()
    assert ada.reads("The session was ended.")
    carol.reads("An administrator ended it.")
    stands(nora, "The session has ended")
    assert nora.reads("Ended by an administrator")


def test_without_scripts_an_agent_joins_asks_and_ends(window: Open, house: House) -> None:
    email = house.person("Nils")
    nils = window(java_script_enabled=False)
    nils.sign_in(email, PASSWORD)
    carol = shopper(window)
    joins(nils, carol.starts())
    assert nils.reads("Without JavaScript this page does not change by itself")
    nils.press("Ask for write mode")
    stands(nils, "You asked for write mode")
    carol.reads("Nils asks to type and click on this page.")
    carol.button("Allow").click()
    carol.reads("Nils may type and click")
    nils.page.get_by_role("link", name="Look again").click()
    stands(nils, "Write mode")
    nils.page.locator("summary", has_text="End the session").click()
    nils.press("End it now")
    stands(nils, "The session has ended")


def test_the_keyboard_is_enough_for_both(window: Open, house: House) -> None:
    nora = agent(window, house)
    carol = shopper(window)
    carol.button(SHARE).focus()
    carol.page.keyboard.press("Enter")
    carol.reads("Tell the agent these digits")
    nora.open(AGENT_PAGE)
    nora.tab_to("Co-browse")
    nora.field("Digits of the customer").fill(carol.digits)
    nora.page.keyboard.press("Enter")
    stands(nora, "Pointer mode")
    nora.tab_to("Ask for write mode")
    nora.page.keyboard.press("Enter")
    stands(nora, "You asked for write mode")
    carol.reads("Nora asks")
    for _press in range(12):
        carol.page.keyboard.press("Tab")
        focused = carol.page.evaluate_handle(
            "document.activeElement.shadowRoot?.activeElement ?? document.activeElement"
        )
        assert focused.evaluate(HAS_FOCUS_RING)
        if focused.evaluate("one => one.textContent") == "Allow":
            break
    carol.page.keyboard.press("Enter")
    carol.reads("Nora may type and click")
    # What had the keyboard is gone; it went to what took its place, and is not lost.
    assert carol.page.evaluate("document.activeElement.localName") == "gatehouse-cobrowse"
    stands(nora, "Write mode")
    # The page was loaded anew under the agent's hands; the button that took the place of the old one has the keyboard.
    assert nora.focused.inner_text() == "Back to pointer mode"
    nora.tab_to("End the session")
    nora.page.keyboard.press("Enter")
    nora.tab_to("End it now")
    nora.page.keyboard.press("Enter")
    stands(nora, "The session has ended")


def test_a_press_that_is_about_to_come_is_waited_for(window: Open, house: House) -> None:
    nora = agent(window, house)
    carol = shopper(window)
    joins(nora, carol.starts())
    nora.page.locator("summary", has_text="End the session").click()
    carol.page.get_by_role("link", name="To the basket").click()
    carol.page.wait_for_timeout(4_500)
    assert nora.page.get_by_role("button", name="End it now").is_visible()
    nora.page.locator("summary", has_text="End the session").click()
    expect(nora.page.locator(".visits li").first).to_contain_text("/demo/shop/basket/", timeout=8_000)
    carol.button("End").click()


def test_whoever_loses_the_sign_in_is_led_to_it(window: Open, house: House) -> None:
    nora = agent(window, house)
    carol = shopper(window)
    joins(nora, carol.starts())
    nora.context.clear_cookies()
    nora.page.wait_for_url("**/login/?next=*", timeout=8_000)
    carol.button("End").click()


# --- the script on other sites -------------------------------------------------------------------------------------------


def test_nothing_starts_by_itself_and_the_site_can_lead_it(
    site: Site, visitor: Callable[..., Customer], window: Open, house: House
) -> None:
    carol = visitor(f"{site.origin}/quiet")
    carol.page.wait_for_timeout(500)
    assert carol.box.count() == 0
    assert carol.page.evaluate("sessionStorage.length") == 0
    begun = carol.page.evaluate(
        """async () => {
          window.told = [];
          window.off = gatehouse.onState((one) => told.push(one.state));
          return gatehouse.start({ name: "Carol Carter", customData: { order: 4711, vip: true } });
        }"""
    )
    assert (begun["state"], len(begun["digits"]), len(begun["code"])) == ("waiting", 9, 6)
    assert "userToken" not in begun
    assert carol.page.evaluate("gatehouse.start()")["digits"] == begun["digits"]  # one at a time
    nora = agent(window, house)
    joins(nora, begun["digits"])
    assert nora.heading == "Carol Carter"
    assert nora.reads("4711")
    # Nothing of the page may be evaluated as text, so it is asked from outside.
    until = time.monotonic() + 8
    while carol.page.evaluate("told.at(-1)") != "active" and time.monotonic() < until:
        carol.page.wait_for_timeout(100)
    carol.page.evaluate("gatehouse.stop()")
    assert carol.page.evaluate("told") == ["off", "starting", "waiting", "active", "ended"]
    stands(nora, "The session has ended")


def test_it_works_under_the_strictest_policy_and_tells_no_more_than_the_page(
    site: Site, visitor: Callable[..., Customer], window: Open, house: House
) -> None:
    carol = visitor(f"{site.origin}/?secret=hush")
    nora = agent(window, house)
    joins(nora, carol.starts())
    carol.reads("Nora is here")
    asked: list[str] = []
    carol.page.on(
        "request", lambda one: asked.append(one.post_data or "") if one.url.endswith("/page") else None
    )
    carol.page.get_by_role("link", name="Go on").click()
    carol.reads("Nora is here")
    expect(nora.page.locator(".visits li").first).to_contain_text("/next", timeout=8_000)
    assert "hush" not in "".join(asked)
    assert nora.page.locator(".visits li").count() == 2
    # A page that is loaded again is no new one, and an address that changes without loading is.
    carol.page.reload()
    carol.reads("Nora is here")
    carol.page.evaluate("history.pushState(null, '', '/next/step')")
    expect(nora.page.locator(".visits li").first).to_contain_text("/next/step", timeout=12_000)
    assert nora.page.locator(".visits li").count() == 3
    nora.press("Ask for write mode")
    carol.reads("Nora asks")
    carol.button("Allow").click()
    carol.reads("Nora may type and click")
    carol.button("End").click()


def test_a_site_that_is_not_listed_or_has_the_key_of_another_starts_nothing(
    site: Site, visitor: Callable[..., Customer], house: House
) -> None:
    snippet = f'<!doctype html><title>Other</title><script src="{house.url}/cobrowse/js/gatehouse.js"'
    with running_site() as other:
        other.policy = site.policy
        other.pages["/"] = f"{snippet} defer></script>"
        carol = visitor(f"{other.origin}/", forgive=True)
        carol.button(SHARE).click()
        carol.reads("That did not work. Please try again in a moment.")
        expect(carol.button(SHARE)).to_be_visible()
    site.pages["/other-key"] = f'{snippet} data-key="{"A" * 26}" defer></script>'
    carol = visitor(f"{site.origin}/other-key", forgive=True)
    carol.button(SHARE).click()
    carol.reads("Co-browse is not set up for this site.")


def test_a_server_that_is_away_is_waited_for_on_both_sides(
    site: Site, visitor: Callable[..., Customer], window: Open, house: House
) -> None:
    nora = agent(window, house)
    carol = visitor(f"{site.origin}/", forgive=True)
    joins(nora, carol.starts())
    desk = visitor(house.url + nora.path, forgive=True, storage_state=nora.context.storage_state()).page
    carol.reads("Nora is here")
    for page in (carol.page, desk):
        page.context.set_offline(True)
    carol.reads("The server does not answer. Trying again …", seconds=20)
    expect(desk.get_by_text("The server does not answer.")).to_be_visible(timeout=20_000)
    for page in (carol.page, desk):
        page.context.set_offline(False)
    expect(carol.box.get_by_text("The server does not answer.")).to_have_count(0, timeout=30_000)
    expect(desk.get_by_text("The server does not answer.")).to_be_hidden(timeout=30_000)
    # Whoever ends it while the server is away has ended it here at once, and there as soon as that is heard.
    carol.page.context.set_offline(True)
    carol.button("End").click()
    carol.reads("You ended it.", seconds=1)
    carol.page.context.set_offline(False)
    stands(nora, "The session has ended", seconds=15)


# --- how it looks --------------------------------------------------------------------------------------------------------

LONG_PATH = "/" + "/".join(["beleuchtung-und-leuchtmittel-fuer-den-innenbereich"] * 6)


def looked_at(one: Window, name: str) -> list[str]:
    """What is wrong with the page as it stands there: too wide for a phone, or a barrier; and pictures of it."""
    pictures.take(one.page, f"cobrowse {name}")
    return [*wide_on_phones(one, name), *(f"{name}: {wrong}" for wrong in barriers(one.page))]


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_page_of_the_agent_fits_and_shuts_nobody_out(
    language: str, site: Site, visitor: Callable[..., Customer], window: Open, house: House
) -> None:
    one = agent(window, house, name=LONG[:110], locale=language)
    wrong = []

    def look(name: str) -> None:
        wrong.extend(looked_at(one, f"{language} {name}"))

    one.open(AGENT_PAGE)
    look("empty")
    one.page.fill("[name=digits]", "123 456 789")
    with one.page.expect_navigation():
        one.page.locator("main form button.primary").click()
    look("wrong digits")
    carol = visitor(f"{site.origin}/quiet", locale=language)
    begun = carol.page.evaluate(
        "who => gatehouse.start(who)",
        {
            "name": LONG[:110],
            "customData": {"Vertragsnummer" * 6: "4711-" * 60, "vip": True, "leer": ""},
        },
    )
    one.page.fill("[name=digits]", begun["digits"])
    with one.page.expect_navigation():
        one.page.locator("main form button.primary").click()
    carol.page.evaluate("path => history.pushState(null, '', path)", LONG_PATH)
    expect(one.page.locator(".visits li")).to_have_count(2, timeout=12_000)
    for number in range(14):
        carol.page.evaluate("path => history.pushState(null, '', path)", f"/{number}")
        if number in {0, 13}:
            expect(one.page.locator(".visits li").first).to_contain_text(f"/{number}", timeout=12_000)
    look("session")
    one.page.locator("details.confirm summary").click()
    look("session, about to end")
    one.page.locator("details.confirm summary").click()
    for name in ("asked", "withdrawn"):
        with one.page.expect_navigation():
            one.page.locator("#mode").click()
        if name == "asked":
            look(name)
    one.open(AGENT_PAGE)
    look("in a session")
    one.page.go_back()
    one.page.locator("details.confirm summary").click()
    with one.page.expect_navigation():
        one.page.locator("details.confirm button").click()
    look("ended")
    one.open(AGENT_PAGE)
    look("earlier sessions")
    assert one.page.locator("html").get_attribute("lang") == language
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_of_an_administrator_fits(
    language: str, window: Open, house: House, signed_in: Callable[[str], Any]
) -> None:
    carol = shopper(window, locale="en")
    nora = agent(window, house, name=LONG[:110])
    joins(nora, carol.starts())
    waiting = shopper(window, locale="en")
    waiting.starts()
    ada = window(locale=language, storage_state=signed_in(ADA))
    ada.open(AGENT_PAGE)
    wrong = looked_at(ada, f"{language} company")
    ada.page.locator("details.confirm summary").first.click()
    wrong += looked_at(ada, f"{language} company, about to end")
    for one in (carol, waiting):
        one.button("End").click()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_refusal_of_the_agent_token_is_told_in_the_agents_page(
    language: str, window: Open, house: House, signed_in: Callable[[str], Any]
) -> None:
    set_applications(
        house, "Globex", f"cluster slave/password {'A' * 26}", f"workspace cobrowse/password {'B' * 26}"
    )
    cleo = window(locale=language, storage_state=signed_in(CLEO))
    answer = cleo.open(AGENT_PAGE)
    assert answer is not None
    assert answer.status == 403
    if language == "en":
        assert "The session does not start: the agent token of this desktop is not the one" in cleo.alert
    assert cleo.page.locator("[name=digits]").count() == 0
    wrong = looked_at(cleo, f"{language} refused")
    set_applications(house, "Globex", f"workspace cobrowse/password {'A' * 26}")
    with cleo.page.expect_navigation():
        cleo.page.locator(f"main a[href='{AGENT_PAGE}']").click()
    assert cleo.page.locator("[name=digits]").count() == 1, cleo.page.locator("main").inner_text()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_shop_and_what_the_customer_sees_fit(language: str, window: Open, house: House) -> None:
    carol = window(locale=language)
    wrong = []

    def look(name: str) -> None:
        wrong.extend(looked_at(carol, f"{language} customer {name}"))

    for path in ("/demo/shop/", "/demo/shop/basket/", "/demo/shop/checkout/"):
        carol.open(path)
        look(path.strip("/").rpartition("/")[2])
    box = carol.page.locator("gatehouse-cobrowse")
    box.locator("[data-name=have_digits]").click()
    look("typing")
    box.locator("[data-name=join]").click()
    box.locator("[role=alert]").wait_for()
    look("typed wrong")
    box.locator("[data-name=cancel]").click()
    box.locator("[data-name=share]").click()
    box.locator(".digits").wait_for()
    look("waiting")
    nora = agent(window, house, name=LONG[:110])
    joins(nora, box.locator(".digits > span").first.inner_text())
    box.get_by_text(LONG[:60]).first.wait_for(timeout=8_000)
    look("active")
    box.locator("[data-name=fold]").click()
    look("small")
    nora.press("Ask for write mode")
    box.locator("[data-name=allow]").wait_for(timeout=8_000)
    look("asked")
    box.locator("[data-name=allow]").click()
    box.locator("[data-name=take_back]").wait_for()
    look("write")
    box.locator("[data-name=end]").click()
    box.locator("[data-name=close]").wait_for()
    look("ended")
    with carol.page.expect_navigation():
        carol.page.locator("main form button").click()
    look("ordered")
    assert not wrong, "\n".join(wrong)

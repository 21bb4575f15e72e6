"""Signing in to somebody else's system in Chromium: set up, asked, back there, signed out, disconnected."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser import pictures
from tests.browser.conftest import Open
from tests.browser.house import ADA, PASSWORD, House
from tests.browser.wiki import Wiki, running_wiki
from tests.browser.window import Window

pytestmark = pytest.mark.xdist_group("browser")
LONG = "Wissensdatenbank der Donaudampfschifffahrtsgesellschaft-Hohenlohe-Waldenburg und ihrer Beteiligungen"


@pytest.fixture(scope="module")
def _running(house: House) -> Iterator[Wiki]:
    with running_wiki(house) as wiki:
        yield wiki


@pytest.fixture
def visit(window: Open, _running: Wiki) -> Iterator[Callable[..., Window]]:
    """A window that may also go to the wiki."""
    opened: list[Window] = []

    def visit(**how: Any) -> Window:
        opened.append(window(**how))
        return opened[-1]

    yield visit
    for one in opened:
        left = f"a request left for {_running.origin}/"
        one.complaints[:] = [complaint for complaint in one.complaints if not complaint.startswith(left)]


@pytest.fixture
def wiki(_running: Wiki, visit: Callable[..., Window], signed_in: Callable[[str], Any]) -> Wiki:
    """The wiki, which Ada has set up in the administration."""
    if _running.secret:
        return _running
    ada = visit(storage_state=signed_in(ADA), permissions=["clipboard-read", "clipboard-write"])
    ada.open("/admin/oidc/client/")
    pictures.take(ada.page, "clients none")
    ada.page.get_by_role("link", name="Add connected application").click()
    ada.page.get_by_label("Name:").fill(LONG)
    ada.page.get_by_label("Redirect addresses:").fill("https://*.wiki.example/callback")
    for scope in ("company: its id", "roles: by name"):
        ada.page.get_by_text(scope).click()
    pictures.take(ada.page, "client add")
    ada.press("Save")
    assert "is no address such as" in ada.page.content()
    pictures.take(ada.page, "client add error")
    ada.page.get_by_label("Redirect addresses:").fill(f"{_running.origin}/callback")
    ada.page.get_by_label("Addresses after signing out:").fill(f"{_running.origin}/bye")
    ada.press("Save")
    ada.open("/admin/oidc/client/")
    assert ada.reads("No secret yet")
    pictures.take(ada.page, "clients")
    ada.page.get_by_role("link", name=LONG).first.click()
    assert ada.reads("It has no secret yet")
    pictures.take(ada.page, "client")
    ada.page.get_by_role("link", name="Make a secret").click()
    pictures.take(ada.page, "client make secret")
    ada.press("Make a secret")
    pictures.take(ada.page, "client secret made")
    ada.page.get_by_role("button", name="Copy").click()
    ada.page.get_by_role("button", name="Copied").wait_for()
    _running.secret = str(ada.page.evaluate("navigator.clipboard.readText()"))
    assert _running.secret not in ada.page.url
    ada.page.get_by_role("link", name="I have kept it").click()
    assert _running.secret not in ada.page.content()
    _running.client_id = ada.page.locator("tr", has_text="Client id").locator("code").first.inner_text()
    assert ada.sideways == 0
    return _running


def _at(person: Window, wiki: Wiki) -> str:
    person.page.wait_for_url(f"{wiki.origin}/**")
    return person.heading


def test_somebody_signs_in_says_yes_once_and_is_signed_out(
    visit: Callable[..., Window], wiki: Wiki, house: House
) -> None:
    email = house.person("Dora Demo")
    dora = visit()
    dora.page.goto(wiki.begin())
    assert dora.path.startswith("/login/")
    dora.begin(email, PASSWORD)
    assert dora.heading == f"Sign in to {LONG}"
    assert dora.sideways == 0
    pictures.take(dora.page, "consent")
    dora.press("Cancel")
    assert _at(dora, wiki) == "Not signed in: access_denied"

    dora.page.goto(wiki.begin())
    dora.page.get_by_role("button", name="Continue", exact=True).click()
    assert _at(dora, wiki) == "Welcome to the wiki, Dora Demo"
    assert wiki.known["email"] == email
    assert wiki.known["company"]["name"] == "Acme"
    dora.page.goto(wiki.begin())
    assert _at(dora, wiki) == "Welcome to the wiki, Dora Demo"  # nothing is asked a second time

    dora.open("/account/applications/")
    assert dora.reads(LONG)
    assert dora.sideways == 0
    pictures.take(dora.page, "applications")
    dora.page.goto(wiki.end(hint=False))
    assert dora.heading == "Sign out?"
    pictures.take(dora.page, "sign out of a client")
    dora.page.get_by_role("link", name="Stay signed in").click()
    dora.page.goto(wiki.end())
    assert _at(dora, wiki) == "You have left the wiki"
    dora.open("/account/")
    assert dora.path.startswith("/login/")

    # Straight from the form of the sign-in, and from the button here, although that page's policy lets no form lead elsewhere.
    dora.page.goto(wiki.begin())
    dora.begin(email, PASSWORD)
    assert _at(dora, wiki) == "Welcome to the wiki, Dora Demo"
    dora.page.goto(wiki.end(hint=False))
    dora.page.get_by_role("button", name="Sign out", exact=True).click()
    assert _at(dora, wiki) == "You have left the wiki"


def test_somebody_else_at_this_browser_goes_on_as_himself(
    visit: Callable[..., Window], wiki: Wiki, house: House
) -> None:
    first, second = house.person("Fred Demo"), house.person("Gerd Demo")
    window = visit()
    window.sign_in(first, PASSWORD)
    window.page.goto(wiki.begin())
    window.press("Not you?")
    window.begin(second, PASSWORD)
    window.page.get_by_role("button", name="Continue", exact=True).click()
    assert _at(window, wiki) == "Welcome to the wiki, Gerd Demo"
    window.page.goto(f"{wiki.begin()}&prompt=select_account")
    window.press("Not you?")
    window.begin(second, PASSWORD)  # who has said yes already goes on, from the form of the sign-in
    window.page.get_by_role("button", name="Continue", exact=True).click()
    assert _at(window, wiki) == "Welcome to the wiki, Gerd Demo"


def test_somebody_disconnects_it_and_is_asked_again(
    visit: Callable[..., Window], wiki: Wiki, house: House
) -> None:
    email = house.person("Emil Demo")
    emil = visit()
    emil.sign_in(email, PASSWORD)
    emil.open("/account/applications/")
    pictures.take(emil.page, "applications none")
    emil.page.goto(wiki.begin())
    emil.page.get_by_role("button", name="Continue", exact=True).click()
    assert _at(emil, wiki) == "Welcome to the wiki, Emil Demo"
    emil.open("/account/applications/")
    with emil.page.expect_navigation():
        emil.page.get_by_role("button", name="Disconnect").click()
    assert emil.reads("No application is connected.")
    emil.page.goto(wiki.begin())
    assert emil.heading == f"Sign in to {LONG}"


def test_two_windows_do_not_take_each_others_way_back(
    visit: Callable[..., Window], wiki: Wiki, house: House
) -> None:
    email = house.person("Hedy Demo")
    hedy = visit()
    hedy.sign_in(email, PASSWORD)
    hedy.page.goto(wiki.begin())
    hedy.page.get_by_role("button", name="Continue", exact=True).click()
    assert _at(hedy, wiki) == "Welcome to the wiki, Hedy Demo"
    hedy.open("/")
    hedy.sign_out("Hedy Demo")
    first = wiki.begin()
    hedy.page.goto(first)
    other = hedy.context.new_page()
    other.goto(f"{first}&ui_locales=de")
    other.close()
    hedy.begin(email, PASSWORD)
    assert _at(hedy, wiki) == "Welcome to the wiki, Hedy Demo"


def test_whoever_has_no_second_factor_turns_one_on_and_goes_on(
    visit: Callable[..., Window], wiki: Wiki, house: House
) -> None:
    email = house.person("Ida Demo")
    house.verify(email)
    ida = visit()
    with house.needing_factor():
        ida.page.goto(f"{wiki.begin()}&login_hint={email}")
        assert ida.field("E-mail address or user name").input_value() == email
        ida.begin(email, PASSWORD)
        assert ida.heading == "A second factor is needed"
        assert ida.sideways == 0
        pictures.take(ida.page, "factor needed")
        ida.press("I have turned one on")
        assert ida.alert == "There is none yet. Turn one on first."
        pictures.take(ida.page, "factor needed again")
        ida.press(f"Back to {LONG} without one")
        assert _at(ida, wiki) == "Not signed in: unmet_authentication_requirements"

        ida.page.goto(wiki.begin())
        with ida.context.expect_page() as opened:
            ida.page.get_by_role("link", name="To my account").click()
        account = opened.value
        account.get_by_role("button", name="Turn on").first.click()
        account.get_by_text("is turned on").wait_for()
        ida.press("I have turned one on")
        ida.field("Password").fill(PASSWORD)
        ida.press("Continue")
        ida.type_code(house.code(email))
        ida.page.get_by_role("button", name="Continue", exact=True).click()
        assert _at(ida, wiki) == "Welcome to the wiki, Ida Demo"
        assert wiki.claims["acr"] == "https://refeds.org/profile/mfa"


def test_a_wrong_address_leads_nowhere(visit: Callable[..., Window], wiki: Wiki) -> None:
    stranger = visit()
    stranger.page.goto(wiki.begin().replace("callback", "elsewhere"))
    assert stranger.path.startswith("/o/authorize/")
    assert stranger.reads("names an address that is not registered for it")
    assert stranger.sideways == 0
    pictures.take(stranger.page, "client unknown address")

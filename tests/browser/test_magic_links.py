"""A link in the place of a password: in the browser that asked, on a phone, and in the hands of a mail scanner."""

import pytest

from tests.browser.conftest import Open
from tests.browser.house import BEN, LINK, House
from tests.browser.window import Window

pytestmark = pytest.mark.xdist_group("browser")


def ask(window: Window, email: str) -> dict[str, str]:
    """Ask for a link as this person; the path of the link, and its short code."""
    window.open("/login/")
    window.page.get_by_role("link", name="Sign in with a mailed link").click()
    window.field("E-mail address").fill(email)
    window.press("Send the link")
    assert window.heading == "Look into your mailbox"
    found = window.house.mail_with(LINK, to=email)
    return {"link": found["link"].removeprefix(window.house.url), "code": found["code"]}


def test_one_press_is_enough_where_it_was_asked_for(window: Open, house: House) -> None:
    ben = window()
    found = ask(ben, BEN)
    ben.open(found["link"])
    assert not ben.page.get_by_label("Code").count()
    ben.press("Sign in")
    assert ben.path == "/"


def test_the_short_code_can_be_typed_where_it_was_asked_for(window: Open, house: House) -> None:
    ben = window()
    found = ask(ben, BEN)
    ben.field("Code").fill("0000 0000")
    ben.press("Continue")
    assert ben.alert
    ben.field("Code").fill(f"{found['code'][:4]} {found['code'][4:]}")
    ben.press("Continue")
    assert ben.path == "/"


def test_a_scanner_that_runs_scripts_waits_and_presses_uses_nothing(window: Open, house: House) -> None:
    ben, scanner = window(), window()
    found = ask(ben, BEN)
    for _opened in range(2):
        scanner.open(found["link"])
        scanner.page.wait_for_timeout(1_500)
        assert scanner.path == found["link"]
        scanner.page.get_by_role("button", name="Sign in").click()
        assert scanner.path == found["link"]
    ben.open(found["link"])
    ben.press("Sign in")
    assert ben.path == "/"
    scanner.open("/account/")
    assert scanner.path != "/account/"

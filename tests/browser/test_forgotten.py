"""A forgotten password, in the browser that asked and in another one."""

import pytest

from tests.browser.conftest import Open
from tests.browser.house import BEN, LINK, NEW_PASSWORD, House
from tests.browser.window import Window

pytestmark = pytest.mark.xdist_group("browser")


def ask(window: Window, email: str) -> str:
    """Ask for a link as this person; the path of the link."""
    window.open("/login/")
    window.page.get_by_role("link", name="Forgotten your password?").click()
    window.field("E-mail address").fill(email)
    window.press("Send the link")
    assert window.heading == "Look into your mailbox"
    return window.house.mail_with(LINK, to=email)["link"].removeprefix(window.house.url)


def test_in_the_browser_that_asked_the_link_and_one_press_are_enough(window: Open, house: House) -> None:
    ben = window()
    link = ask(ben, BEN)
    for _opened in range(2):  # a mail scanner may have been there before
        ben.open(link)
    ben.press("Set a new password")
    assert ben.heading == "Choose a new password"
    ben.field("New password").fill("too short")
    ben.press("Change password")
    assert ben.alert
    ben.field("New password").fill(NEW_PASSWORD)
    ben.press("Change password")
    assert ben.path == "/"
    ben.sign_out("Ben Brandt")
    ben.sign_in(BEN, NEW_PASSWORD)
    assert ben.path == "/"
    stranger = window()
    stranger.open(link)
    assert stranger.heading == "This link cannot be used"


def test_in_another_browser_it_wants_the_short_code_of_the_mail(window: Open, house: House) -> None:
    asking, phone = window(), window()
    asking.open("/login/forgotten/")
    asking.field("E-mail address").fill(BEN)
    asking.press("Send the link")
    found = house.mail_with(LINK, to=BEN)
    phone.open(found["link"].removeprefix(house.url))
    assert phone.reads("another browser")
    phone.field("Code").fill("nonsense")
    phone.press("Set a new password")
    assert phone.alert
    phone.field("Code").fill(found["code"])
    phone.press("Set a new password")
    assert phone.heading == "Choose a new password"
    phone.field("New password").fill("seven swans on the quiet lake 9")
    phone.press("Change password")
    assert phone.path == "/"

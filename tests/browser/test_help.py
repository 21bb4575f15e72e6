"""Who cannot give the second proof, in Chromium: helped by an administrator, or waiting until a mailed code stands for it."""

import re

import pytest

from tests.browser import pictures
from tests.browser.conftest import Open
from tests.browser.house import PASSWORD, House
from tests.browser.test_every_page import LONG, wide_on_phones
from tests.browser.test_looks import submit
from tests.browser.window import Window

pytestmark = pytest.mark.xdist_group("browser")
LINK = re.compile(r"https?://\S+/login/recovery/\S+/")


def looked_at(window: Window, name: str) -> None:
    """The page fits on phones, and is kept as a picture where that is wanted."""
    assert not wide_on_phones(window, name)
    pictures.take(window.page, f"help {name}")


def give_password(window: Window, email: str) -> None:
    window.open("/login/")
    window.page.locator("main [name=username]:visible").fill(email)
    submit(window)
    window.page.locator("main [name=password]:visible").fill(PASSWORD)
    submit(window)


def test_the_page_goes_on_by_itself_once_an_administrator_has_confirmed(window: Open, house: House) -> None:
    desk = house.ask("companies/", {"name": "Helped Ltd"})
    agent = {"TwoFactor.Policy": "required", "TwoFactor.NoVerifiedContactBehaviour": "agent"}
    house.ask(f"companies/{desk['id']}/settings/", {"values": agent, "reason": "help"}, method="PATCH")
    email = house.person(LONG[:100], company="Helped Ltd")
    page = window()
    give_password(page, email)
    assert page.heading == "Ask your administrator"
    looked_at(page, "due")
    submit(page)
    number = "".join(re.findall(r"\d", page.page.locator(".read-out").inner_text()))
    assert len(number) == 6
    looked_at(page, "asked")
    [waiting] = [
        one for one in house.ask("help-requests/?state=waiting")["results"] if one["username"] == email
    ]
    house.ask(f"help-requests/{waiting['id']}/confirm/", {"number": number, "how": "came by"})
    page.page.get_by_text("made sure that it is you").wait_for(timeout=15_000)
    looked_at(page, "confirmed")
    submit(page)
    assert page.path == "/"


def test_a_lost_factor_is_waited_for_and_the_mail_ends_it(window: Open, house: House) -> None:
    email = house.person(LONG[:100])
    house.verify(email)
    house.lose_app(email)
    page = window()
    give_password(page, email)
    page.page.get_by_role("link", name="I have lost it").click()
    assert page.heading == "Lost your second factor?"
    looked_at(page, "lost")
    submit(page)
    assert page.reads("on, sign in again")
    looked_at(page, "waiting")
    link = house.mail_with(LINK, to=email)[0]
    owner = window()
    owner.open(link.removeprefix(house.url))
    assert owner.heading == "Keep your second factor?"
    looked_at(owner, "keep")
    submit(owner)
    assert owner.heading == "Your second factor stays"
    looked_at(owner, "kept")
    assert owner.open(link.removeprefix(house.url)).status == 401
    looked_at(owner, "over")

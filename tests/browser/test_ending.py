"""What ends or locks a session, seen from the page that somebody else has open."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.house import ADA, NEW_PASSWORD, PASSWORD, House

pytestmark = pytest.mark.xdist_group("browser")


def test_ada_makes_a_person_who_must_change_the_password_and_ends_the_session(
    window: Open, house: House, signed_in: Callable[[str], Any]
) -> None:
    ada, emil = window(storage_state=signed_in(ADA)), window()
    ada.open("/admin/accounts/user/")
    ada.page.get_by_role("link", name="Add person").click()
    ada.page.get_by_label("E-mail", exact=False).first.fill("emil@acme.example")
    ada.page.get_by_label("Name:").fill("Emil Example")
    ada.page.get_by_label("Password:", exact=True).fill("short")
    ada.press("Save")
    assert "correct the error" in ada.page.locator(".errornote").inner_text()
    assert ada.page.get_by_label("Name:").input_value() == "Emil Example"
    assert ada.page.get_by_label("Password:", exact=True).input_value() == ""
    ada.page.get_by_label("Password:", exact=True).fill(PASSWORD)
    ada.press("Save")
    assert ada.reads("emil@acme.example"), ada.page.locator("main").inner_text()

    emil.begin("emil@acme.example", PASSWORD)
    assert emil.heading == "Choose a new password"
    emil.field("Current password").fill(PASSWORD)
    emil.field("New password").fill(NEW_PASSWORD)
    emil.press("Change password")
    assert emil.path == "/"

    ada.open("/admin/accounts/session/?q=emil")
    ada.page.get_by_role("link", name="emil@acme.example").first.click()
    ada.page.get_by_role("link", name="End", exact=True).click()
    ada.press("End")
    ended = time.monotonic()
    assert ada.reads("The session has ended.")
    time.sleep(max(0, ended + 1 - time.monotonic()))
    emil.page.get_by_role("link", name="My account", exact=True).first.click()
    emil.page.wait_for_url("**/login/?next=*")


def test_after_a_pause_the_password_is_asked_for_and_what_was_typed_is_kept(
    window: Open, house: House
) -> None:
    email = house.person()
    dora = window()
    dora.sign_in(email, PASSWORD)
    dora.open("/account/contacts/")
    dora.page.get_by_text("Change", exact=False).first.click()
    dora.field("New e-mail address").fill("dora.new@acme.example")
    house.leave_idle(email, minutes=20)
    dora.press("Send a code")
    assert dora.heading == "Locked while you were away"
    with dora.context.expect_page() as opened:
        dora.page.get_by_role("link", name="Confirm").click()
    tab = opened.value
    tab.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.get_by_role("button", name="Continue").click()
    tab.wait_for_url(f"{house.url}/")
    dora.press("Send again")
    assert dora.reads("We sent a code to dora.new@acme.example")
    house.code("dora.new@acme.example")


def test_a_page_opened_after_a_pause_comes_back_after_the_password(window: Open, house: House) -> None:
    email = house.person()
    dora = window()
    dora.sign_in(email, PASSWORD)
    house.leave_idle(email, minutes=20)
    dora.open("/account/security/")
    assert dora.heading == "Enter your password"
    dora.field("Password").fill(PASSWORD)
    dora.press("Continue")
    assert dora.path == "/account/security/"

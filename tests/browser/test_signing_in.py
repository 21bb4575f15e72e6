"""Signing in, in a real browser."""

import pytest

from tests.browser.conftest import Open
from tests.browser.house import ADA, BEN, NEW_PASSWORD, PASSWORD, House
from tests.browser.window import HAS_FOCUS_RING

pytestmark = pytest.mark.xdist_group("browser")


def test_ada_signs_in_with_her_password_and_a_mailed_code(window: Open, house: House) -> None:
    ada = window()
    ada.open("/account/contacts/")
    assert ada.path.startswith("/login/")
    ada.begin(ADA, house.product.password)
    assert ada.heading == "Enter the code"
    assert ada.reads("We sent a code to")
    ada.type_code(house.code(ADA))
    assert ada.path == "/account/contacts/"
    ada.open("/")
    assert ada.heading == "Hello, Ada Adler"


def test_a_wrong_password_is_explained_and_nothing_but_the_secret_is_lost(window: Open, house: House) -> None:
    email = house.person()
    dora = window()
    dora.begin(email, "not my password")
    assert "do not fit together" in dora.alert
    assert dora.page.title().startswith("Error:")
    assert dora.reads(email)
    assert dora.field("Password").input_value() == ""
    assert dora.has_focus("Password")
    dora.field("Password").fill(PASSWORD)
    dora.press("Continue")
    assert dora.path == "/"


def test_a_wrong_code_is_explained_and_the_right_one_still_works(window: Open, house: House) -> None:
    email = house.person(role="Company Administrator")
    dora = window()
    dora.begin(email, PASSWORD)
    assert dora.heading == "Verify your e-mail address"
    dora.press("Send a code")
    code = house.code(email)
    dora.field("Code").fill("000000" if code != "000000" else "000001")
    dora.press("Confirm")
    assert "not right" in dora.alert
    assert dora.has_focus("Code")
    dora.field("Code").fill(f"{code[:3]} {code[3:]}")
    dora.press("Confirm")
    assert dora.path == "/"


def test_a_name_that_is_refused_stays_in_its_field(window: Open) -> None:
    mallory = window()
    mallory.open("/login/")
    mallory.field("E-mail address or user name").evaluate("field => field.removeAttribute('maxlength')")
    mallory.field("E-mail address or user name").fill("x" * 400)
    mallory.press("Continue")
    assert mallory.alert
    assert mallory.field("E-mail address or user name").input_value() == "x" * 400


def test_everything_can_be_done_with_the_keyboard_and_the_focus_is_seen(window: Open, house: House) -> None:
    email = house.person(role="Company Administrator")
    dora = window()
    dora.open("/login/")
    for text in (email, PASSWORD):
        assert dora.focused.evaluate(HAS_FOCUS_RING)
        dora.page.keyboard.type(text)
        with dora.page.expect_navigation():
            dora.page.keyboard.press("Enter")
    with dora.page.expect_navigation():
        dora.tab_to("Send a code").press("Enter")
    assert dora.focused.evaluate(HAS_FOCUS_RING)
    dora.page.keyboard.type(house.code(email))
    with dora.page.expect_navigation():
        dora.page.keyboard.press("Enter")
    assert dora.path == "/"
    with dora.page.expect_navigation():
        dora.tab_to("My account").press("Enter")
    assert dora.path == "/account/"
    dora.tab_to("Dora").press("Enter")
    with dora.page.expect_navigation():
        dora.tab_to("Sign out").press("Enter")
    assert dora.reads("You are signed out.")


def test_the_first_tab_leads_past_the_navigation(window: Open, house: House) -> None:
    dora = window()
    dora.sign_in(house.person(), PASSWORD)
    dora.page.keyboard.press("Tab")
    assert dora.focused.inner_text() == "Skip to the content"
    dora.page.keyboard.press("Enter")
    dora.page.wait_for_url("**/#main")  # told a moment later, as nothing is loaded


def test_without_javascript_one_signs_in_and_keeps_the_account(window: Open, house: House) -> None:
    email = house.person(role="Company Administrator")
    dora = window(java_script_enabled=False)
    dora.begin(email, PASSWORD)
    dora.press("Send a code")
    dora.field("Code").fill(house.code(email))
    dora.press("Confirm")
    assert dora.path == "/"
    for path in ("/account/", "/account/sessions/", "/account/security/", "/account/contacts/"):
        dora.open(path)
        assert dora.heading == "My account"
    dora.open("/account/password/")
    dora.field("Current password").fill(PASSWORD)
    dora.field("New password").fill("short")
    dora.press("Change password")
    assert dora.alert
    dora.field("Current password").fill(PASSWORD)
    dora.field("New password").fill(NEW_PASSWORD)
    dora.press("Change password")
    assert dora.reads("Your password was changed")
    dora.page.locator("details.person > summary").click()
    dora.press("Sign out")
    assert dora.reads("You are signed out.")


def test_after_signing_out_the_back_button_shows_nothing(window: Open, house: House) -> None:
    dora = window()
    dora.sign_in(house.person("Dorabella"), PASSWORD)
    dora.open("/account/")
    dora.sign_out("Dorabella")
    for _back in range(2):
        dora.page.go_back()
        assert dora.path.startswith("/login/")
        assert not dora.reads("Dorabella")


def test_signing_out_in_one_tab_signs_the_other_one_out(window: Open, house: House) -> None:
    dora = window()
    dora.sign_in(house.person(), PASSWORD)
    other = dora.another_tab("/account/")
    dora.sign_out("Dora")
    other.get_by_role("link", name="Sessions", exact=True).first.click()
    other.wait_for_url("**/login/?next=*")


def test_a_sign_in_begun_in_another_tab_is_not_mixed_up_with_this_one(window: Open, house: House) -> None:
    email = house.person()
    dora = window()
    dora.open("/login/")
    dora.field("E-mail address or user name").fill(email)
    dora.press("Continue")
    other = dora.another_tab("/login/")
    other.get_by_label("E-mail address or user name").fill(BEN)
    other.get_by_role("button", name="Continue").click()
    other.wait_for_url("**/login/password/")
    dora.field("Password").fill(PASSWORD)
    dora.press("Continue")
    assert dora.reads("You began another sign-in in another tab.")
    assert dora.reads(BEN)
    assert not dora.reads(email)

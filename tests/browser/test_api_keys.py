"""API keys as people meet them: made, copied once, listed, revoked."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import pictures
from tests.browser.conftest import Open
from tests.browser.house import ADA
from tests.browser.window import Window

pytestmark = pytest.mark.xdist_group("browser")
LONG = "Nightly import of everything that the accounting of Donaudampfschifffahrtsgesellschaft-Hohenlohe-Waldenburg wants"


def copied(window: Window) -> str:
    """What the button *Copy* put on the clipboard."""
    window.page.get_by_role("button", name="Copy").click()
    window.page.get_by_role("button", name="Copied").wait_for()
    return str(window.page.evaluate("navigator.clipboard.readText()"))


def test_ada_makes_a_key_of_her_own_copies_it_and_revokes_it(
    window: Open, signed_in: Callable[[str], Any]
) -> None:
    ada = window(storage_state=signed_in(ADA), permissions=["clipboard-read", "clipboard-write"])
    ada.open("/account/keys/")
    pictures.take(ada.page, "keys none")
    ada.page.get_by_role("link", name="Make a key").click()
    ada.field("Ends after").fill("400")
    ada.field("Name").fill("x")
    ada.page.locator("form").last.evaluate("form => form.noValidate = true")
    ada.press("Make the key")
    assert "Ends after" in ada.alert
    pictures.take(ada.page, "key error")
    ada.field("Name").fill(LONG)
    ada.field("Ends after").fill("10")
    ada.page.get_by_text("See people.").click()
    pictures.take(ada.page, "key new")
    ada.press("Make the key")
    pictures.take(ada.page, "key made")
    secret = copied(ada)
    assert secret.startswith("gh_key_")
    assert secret not in ada.page.url
    ada.page.get_by_role("link", name="I have kept it").click()
    assert ada.reads(secret[:10])
    assert ada.sideways == 0
    pictures.take(ada.page, "keys list")
    ada.open("/account/sessions/")
    assert ada.reads(LONG)
    pictures.take(ada.page, "sessions with keys")
    ada.open("/account/keys/")
    with ada.page.expect_navigation():
        ada.page.get_by_role("button", name="Revoke").click()
    assert ada.reads("You have no API key.")


def test_ada_makes_a_key_in_the_administration(window: Open, signed_in: Callable[[str], Any]) -> None:
    ada = window(storage_state=signed_in(ADA), permissions=["clipboard-read", "clipboard-write"])
    ada.open("/admin/accounts/apikey/")
    ada.page.get_by_role("link", name="Add API key").click()
    pictures.take(ada.page, "admin key add")
    ada.page.get_by_label("Name:").fill(LONG)
    ada.page.get_by_text("See people.").click()
    ada.press("Save")
    pictures.take(ada.page, "admin key made")
    secret = copied(ada)
    ada.page.get_by_role("link", name="I have kept it").click()
    assert ada.reads(secret[:10])
    pictures.take(ada.page, "admin keys")
    ada.page.get_by_role("link", name=LONG).first.click()
    assert ada.reads("users:read")
    assert secret not in ada.page.content()
    pictures.take(ada.page, "admin key")
    ada.page.get_by_role("link", name="Revoke", exact=True).click()
    pictures.take(ada.page, "admin key revoke")
    ada.press("Revoke")
    assert ada.reads("The key was revoked.")

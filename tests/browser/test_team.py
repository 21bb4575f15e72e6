"""The team's pages in a real browser: a link is made and copied, and everything works without scripts."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.house import ADA

pytestmark = pytest.mark.xdist_group("browser")


def test_a_link_is_made_and_copied(window: Open, signed_in: Callable[[str], Any]) -> None:
    ada = window(storage_state=signed_in(ADA), permissions=["clipboard-read", "clipboard-write"])
    ada.open("/team/links/new/")
    ada.press("Make the link")
    url = ada.field("The link").input_value()
    assert url.startswith(f"{ada.house.url}/join/")
    ada.page.get_by_role("button", name="Copy", exact=True).click()
    ada.page.get_by_role("button", name="Copied", exact=True).wait_for()
    assert ada.page.evaluate("navigator.clipboard.readText()") == url
    ada.press("Revoke")
    assert ada.reads("The link was revoked.")


def test_without_scripts_a_link_is_shown_and_a_role_is_changed(
    window: Open, signed_in: Callable[[str], Any]
) -> None:
    ada = window(storage_state=signed_in(ADA), java_script_enabled=False)
    dan = ada.house.person("Dan Without Scripts")
    ada.open("/team/links/new/")
    ada.press("Make the link")
    assert "/join/" in ada.field("The link").input_value()
    assert not ada.page.get_by_role("button", name="Copy", exact=True).is_visible()
    ada.open(f"/team/?q={dan}")
    ada.page.locator("summary", has_text="Change roles").click()
    ada.field("Member").check()
    with ada.page.expect_navigation():
        ada.page.locator("button", has_text="Save").click()
    assert ada.reads("The roles of Dan Without Scripts were changed.")

"""The lists of the administration on a small desk: no column is cut off."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.house import CLEO, ROSA

pytestmark = pytest.mark.xdist_group("browser")

CUT_OFF = """
() => [...document.querySelectorAll("#changelist .results, .gh-scroll, #result_list td, #result_list th")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => `${box.className || box.tagName}: ${box.scrollWidth} in ${box.clientWidth}`)
"""


@pytest.mark.parametrize(
    "model", ["accounts/user/?q=rosa@", "accounts/session/", "delivery/delivery/", "audit/auditevent/"]
)
def test_no_column_is_cut_off_on_a_small_desk(
    window: Open, signed_in: Callable[[str], Any], model: str
) -> None:
    signed_in(CLEO)
    rosa = window(locale="de", storage_state=signed_in(ROSA), viewport={"width": 1280, "height": 800})
    rosa.open(f"/admin/{model}")
    assert rosa.page.evaluate(CUT_OFF) == []
    rosa.page.locator("#result_list tbody th a").first.click()
    rosa.page.wait_for_url("**/change/**")
    assert rosa.page.evaluate(CUT_OFF) == []

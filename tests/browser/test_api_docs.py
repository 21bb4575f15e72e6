"""The browsable API: rendered from the schema under the strict policy, light and dark, on a desk and on a phone."""

import re

import pytest

from tests.browser.conftest import Open

pytestmark = pytest.mark.xdist_group("browser")
PATIENCE = 30_000  # ms: Swagger UI reads some hundred and forty operations


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_api_can_be_read_and_opened(scheme: str, window: Open) -> None:
    visitor = window(color_scheme=scheme)
    visitor.context.set_default_timeout(PATIENCE)
    visitor.open("/api/docs/")
    visitor.page.locator(".opblock-tag").first.wait_for()
    assert visitor.page.locator(".opblock-tag").count() > 20
    visitor.page.locator("#operations-tag-roles").click()
    operation = visitor.page.locator("#operations-roles-roles_create")
    operation.locator(".opblock-summary-control").click()
    assert "Idempotency-Key" in operation.locator(".parameters").first.inner_text()
    assert (visitor.page.locator("html.dark-mode").count() == 1) is (scheme == "dark")


def test_it_fits_on_a_phone(window: Open) -> None:
    visitor = window(viewport={"width": 390, "height": 800})
    visitor.context.set_default_timeout(PATIENCE)
    visitor.open("/api/docs/")
    visitor.page.locator("#operations-tag-roles").click()
    visitor.page.locator(".opblock").first.wait_for()
    assert visitor.sideways == 0


def test_an_access_token_can_be_tried_out(window: Open) -> None:
    visitor = window()
    visitor.context.set_default_timeout(PATIENCE)
    visitor.open("/api/docs/")
    visitor.page.get_by_role("button", name="Authorize").first.click()
    usual = visitor.page.locator(".auth-container", has_text=re.compile(r"^\s*bearer\b"))
    usual.get_by_label("Value").fill("not.a.token")
    usual.get_by_role("button", name="Apply credentials").click()
    visitor.page.get_by_role("button", name="Close").first.click()
    visitor.page.locator("#operations-tag-me").click()
    operation = visitor.page.locator("#operations-me-me_retrieve")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    answer.wait_for()
    assert "invalid_token" in answer.inner_text()
    visitor.complaints.clear()  # Chromium calls the 401 an error

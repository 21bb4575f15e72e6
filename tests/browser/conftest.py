"""A served product and a Chromium, both shared by all tests of this folder; every test has windows of its own."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.house import House
from tests.browser.window import Window, close
from tests.services import needed
from tests.services.product import running_product

Open = Callable[..., Window]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


# Of the package, not of the session: Playwright's loop would make Django refuse the database to tests that run later.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser."""
    path = needed("chromium", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The product as `script/server` starts it."""
    with running_product(tmp_path_factory.mktemp("browser")) as product:
        yield House(product)


@pytest.fixture
def window(chromium: Browser, house: House) -> Iterator[Open]:
    """`window()` opens a window with its own cookies; nothing in any of them may complain."""
    opened: list[Window] = []

    def open_window(**how: Any) -> Window:
        one = Window(
            chromium.new_context(**{"locale": "en", "viewport": {"width": 1280, "height": 800}} | how), house
        )
        opened.append(one)
        return one

    yield open_window
    complaints = [complaint for one in opened for complaint in one.complaints]
    for one in opened:
        close(one.context)
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="package")
def signed_in(chromium: Browser, house: House) -> Callable[[str], Any]:
    """`signed_in(email)`: the cookies of a browser in which this demo person has signed in, once for all tests."""

    @cache
    def sign_in(email: str) -> Any:
        one = Window(chromium.new_context(locale="en"), house)
        one.sign_in(email, house.product.password)
        assert (one.path, one.complaints) == ("/", [])
        kept = one.context.storage_state()
        close(one.context)
        return kept

    return sign_in

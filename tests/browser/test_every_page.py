"""Every page that can be reached by links: it answers, complains about nothing, and fits on a phone."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import pictures
from tests.browser.conftest import Open
from tests.browser.house import ADA, ROSA, House
from tests.browser.window import Window

pytestmark = pytest.mark.xdist_group("browser")

LONG = (
    "Maximiliane-Alexandrina Freifrau von und zu Hohenlohe-Waldenburg-Schillingsfürst-Donaudampfschifffahrt"
)
# The outbox holds links of mails, too: each opens once, and for whom it was sent to.
LEFT_OUT = re.compile(
    r"^/(api/(?!docs/)|static/|admin/jsi18n/|join/|login/(link|forgotten|recovery)/.)|\.(csv|json)$|/(csv|json)/$"
)


def kind_of(path: str) -> str:
    """The address without the numbers, so that one page of each kind is enough."""
    return re.sub(r"(?<=/)(\d+|[0-9a-f-]{36})(?=/)", "N", path)


def links_of(window: Window) -> list[str]:
    found = window.page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    paths = [urlsplit(link).path for link in found if link.startswith(window.house.url)]
    return [path for path in paths if not LEFT_OUT.search(path)]


def wide_on_phones(window: Window, name: str) -> list[str]:
    """What is wider than a phone."""
    wide = []
    for size in (pictures.PHONE, pictures.SMALL_PHONE):
        window.page.set_viewport_size(size)  # type: ignore[arg-type]
        if window.sideways > 0:
            wide.append(f"{name} is {window.sideways} px too wide at {size['width']}")
    window.page.set_viewport_size(pictures.DESKTOP)  # type: ignore[arg-type]
    return wide


def walk(window: Window, *first: str, name: str = "") -> tuple[set[str], list[str]]:
    """Visit every kind of page that links lead to; the kinds, and what was wrong."""
    waiting, seen, wrong = list(first), set(map(kind_of, first)), []
    while waiting:
        path = waiting.pop(0)
        answer = window.open(path)
        if answer is None or answer.status != 200:
            wrong.append(f"{path} answers {answer.status if answer else None}")
            continue
        wrong += wide_on_phones(window, path)
        pictures.take(window.page, f"{name}{kind_of(path)}")
        for link in links_of(window):
            if kind_of(link) not in seen:
                seen.add(kind_of(link))
                waiting.append(link)
    return seen, wrong


@pytest.fixture(scope="module", autouse=True)
def long_names(house: House) -> None:
    """Names that hardly fit."""
    house.ask("companies/", {"name": f"{LONG} Beteiligungsgesellschaft"[:120]})
    house.person(LONG[:120], role="Company Administrator")


# German words are the longest; the English pages are looked at where pictures are taken.
@pytest.mark.parametrize("language", ["de", "en"] if pictures.WANTED else ["de"])
def test_every_page_answers_and_fits(window: Open, signed_in: Callable[[str], Any], language: str) -> None:
    rosa = window(locale=language, storage_state=signed_in(ROSA))
    seen, wrong = walk(rosa, "/", "/account/", "/team/", "/admin/", "/api/docs/", name=language)
    assert not wrong, "\n".join(wrong)
    expected = {
        "/account/contacts/", "/account/password/", "/account/security/", "/account/sessions/", "/outbox/",
        "/admin/accounts/user/", "/admin/accounts/user/add/", "/admin/accounts/user/N/change/",
    }  # fmt: skip
    assert expected <= seen, sorted(seen)


@pytest.mark.parametrize("language", ["de", "en"] if pictures.WANTED else ["de"])
def test_every_page_of_a_team_answers_and_fits(
    window: Open, signed_in: Callable[[str], Any], language: str
) -> None:
    ada = window(locale=language, storage_state=signed_in(ADA))
    seen, wrong = walk(ada, "/team/", "/team/links/", name=f"{language}-team")
    assert not wrong, "\n".join(wrong)
    expected = {
        "/team/members/N/", "/team/members/N/remove/", "/team/links/N/", "/team/links/new/", "/team/links/many/",
    }  # fmt: skip
    assert expected <= seen, sorted(seen)

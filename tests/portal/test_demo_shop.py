"""The demo's shop is there for the one who started the demo, and for nobody else; it can start sessions of the company that lists it."""

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from tenants.models import Company
from tests.cobrowse.story import application

pytestmark = pytest.mark.django_db
PAGES = ("/demo/shop/", "/demo/shop/basket/", "/demo/shop/checkout/")
HERE = "127.0.0.1:8000"


@pytest.fixture
def demo(settings: Settings) -> None:
    """A demo on this machine."""
    settings.DEMO, settings.LOOPBACK, settings.PUBLIC_URL = True, True, f"http://{HERE}"


def opened(path: str, *, host: str = HERE, **more: str) -> HttpResponse:
    """The answer to a browser on this machine."""
    return Client().get(path, HTTP_HOST=host, **more)


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_have_the_snippet_of_the_company_that_lists_this_site(
    path: str, demo: None, acme: Company, globex: Company
) -> None:
    application(globex, "cluster", origins="https://globex.example")
    page = opened(path).content.decode()
    assert "gatehouse.js" not in page
    assert f"list http://{HERE} at its option cross-origin/allowedOrigins" in page
    cluster = application(acme, "cluster", origins=f"http://{HERE}")
    answer = opened(path)
    snippet = (
        f'<script src="http://{HERE}/cobrowse/js/gatehouse.js" data-key="{cluster.site_key}" defer></script>'
    )
    assert snippet in answer.content.decode()
    assert "unsafe" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("switch", ["DEMO", "LOOPBACK"])
def test_without_the_demo_there_is_no_shop(path: str, switch: str, demo: None, settings: Settings) -> None:
    setattr(settings, switch, False)
    assert opened(path).status_code == 404
    assert Client().post(path, HTTP_HOST=HERE).status_code in {404, 405}


@pytest.mark.parametrize(
    "more",
    [
        {"host": "testserver"},
        {"REMOTE_ADDR": "10.0.0.7"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_VIA": "1.1 x"},
    ],
)
def test_nobody_else_finds_it(more: dict[str, str], demo: None) -> None:
    assert opened("/demo/shop/", **more).status_code == 404


def test_under_another_name_of_this_machine_it_leads_to_the_one_that_is_listed(demo: None) -> None:
    assert (
        opened("/demo/shop/basket/", host="localhost:8000")["Location"] == f"http://{HERE}/demo/shop/basket/"
    )


def test_what_is_typed_at_the_checkout_is_not_shown_again(demo: None) -> None:
    answer = Client().post("/demo/shop/checkout/", {"card": "4111111111111111"}, HTTP_HOST=HERE)
    page = answer.content.decode()
    assert "nothing that you typed was kept" in page
    assert "4111" not in page
    checked = Client(enforce_csrf_checks=True)
    assert checked.post("/demo/shop/checkout/", {}, HTTP_HOST=HERE).status_code == 403
    assert Client().post("/demo/shop/", HTTP_HOST=HERE).status_code == 405

"""Which sites may use co-browse: those that are listed, letter by letter (mission S5)."""

import pytest

from accounts.models import User
from cobrowse.models import Application, CobrowseSession
from tenants.models import Company
from tests.cobrowse.story import LIVE, SHOP, Customer, Desktop, application

pytestmark = pytest.mark.django_db
TRICKS = [
    "null",
    "",
    "http://shop.acme.example",
    "https://shop.acme.example:444",
    "https://shop.acme.example:443",
    "https://shop.acme.example.",
    "https://shop.acme.example/",
    "https://SHOP.acme.example",
    "https://www.shop.acme.example",
    "https://acme.example",
    "https://shop.acme.example.evil.example",
    "https://evil-shop.acme.example",
    "https://shopXacme.example",
    "https://user@shop.acme.example",
    "https://shop.acme.example@evil.example",
    "https://shop.acme.example, https://evil.example",
    "https://shop.acme.example\thttps://evil.example",
    "file://",
    "chrome-extension://abc",
    "https://" + "a" * 300 + ".example",
]


@pytest.mark.parametrize("origin", TRICKS)
def test_no_site_that_is_only_like_a_listed_one_may_start_a_session(
    cluster: Application, ben: User, origin: str
) -> None:
    mallory = Customer(origin)
    answer = mallory.post(f"{LIVE}/sessions", {"key": cluster.site_key})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in answer
    assert not CobrowseSession.objects.exists()
    if origin:
        asked = mallory.browser.options(
            f"{LIVE}/sessions", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert asked.status_code == 403
        assert "Access-Control-Allow-Origin" not in asked
        # Nor does a page that holds an agent's token get anywhere.
        assert Desktop(ben).get("/api/1/users/me", Origin=origin).status_code == 403


def test_what_comes_from_no_page_starts_nothing(cluster: Application) -> None:
    answer = Customer(None).post(f"{LIVE}/sessions")
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


def test_nothing_is_allowed_until_it_is_listed(acme: Company) -> None:
    application(acme, "cluster")
    assert Customer().post(f"{LIVE}/sessions").status_code == 403
    application(acme, "cluster", origins=SHOP)
    assert Customer().post(f"{LIVE}/sessions").status_code == 201
    application(acme, "cluster", origins="")
    assert Customer().post(f"{LIVE}/sessions").status_code == 403


def test_a_browser_is_told_what_it_may_send_and_read(carol: Customer) -> None:
    asked = carol.browser.options(
        f"{LIVE}/sessions",
        headers={
            "Origin": SHOP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert asked.status_code == 204
    assert asked["Access-Control-Allow-Origin"] == SHOP
    assert "Content-Type" in asked["Access-Control-Allow-Headers"]
    assert "Origin" in asked["Vary"]
    answer = carol.post(f"{LIVE}/sessions")
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert "Access-Control-Allow-Credentials" not in answer
    assert "Origin" in answer["Vary"]


def test_the_key_of_another_company_is_refused(carol: Customer, globex: Company) -> None:
    other = application(globex, "cluster", origins="https://shop.globex.example")
    assert carol.post(f"{LIVE}/sessions", {"key": other.site_key}).status_code == 403
    assert carol.post(f"{LIVE}/sessions", {"key": "nonsense"}).status_code == 403


def test_a_session_belongs_to_the_company_of_the_site_and_to_no_other(
    carol: Customer, globex: Company, ben: User, cleo: User
) -> None:
    application(globex, "cluster", origins="https://shop.globex.example")
    digits = carol.starts()["sessionToken"]
    assert Desktop(cleo).joins(digits).status_code == 404
    assert Customer("https://shop.globex.example").get(f"{LIVE}/sessions/{digits}").status_code == 404
    assert carol.get(f"{LIVE}/sessions/{digits}").status_code == 200
    assert Desktop(ben).joins(digits).status_code == 200


def test_an_agents_program_on_a_page_of_another_company_is_refused(
    cluster: Application, globex: Company, ben: User
) -> None:
    application(globex, "cluster", origins="https://shop.globex.example")
    desk = Desktop(ben)
    assert desk.get("/api/1/users/me", Origin=SHOP).status_code == 200
    assert desk.get("/api/1/users/me", Origin="https://shop.globex.example").status_code == 403
    assert desk.get("/api/1/users/me", Origin="http://127.0.0.1:8000").status_code == 200

"""Single sign-on by the token of an integration: spent at the door, meant by the person, and no further than it says."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Arrival, Integration, Session, User
from login.models import Attempt
from tenants.models import Company
from tests.accounts.vouched import integration_of, token_of
from tests.journeys.doors import WebDoor
from tests.journeys.stage import Post, Time, configure

pytestmark = pytest.mark.django_db
BEN, NINA, CLEO = "ben@acme.example", "nina@acme.example", "cleo@globex.example"
COUNT = iter(range(10_000))


@pytest.fixture
def desk(acme: Company) -> Integration:
    """An integration of Acme that may vouch for agents."""
    return integration_of(acme, ceiling="Agent", name="Desk of Acme")


def token(desk: Integration, **more: Any) -> str:
    return token_of(desk, now=timezone.now(), **({"jti": f"t{next(COUNT)}"} | more))


def arrive(web: WebDoor, given: str, **more: str) -> None:
    """Come as another site's form brings somebody: with no token of ours, and with no cookie of ours sent along."""
    foreign = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1", REMOTE_ADDR="198.51.100.7")
    answer = foreign.post("/sso/jwt/", {"token": given, **more}, HTTP_ORIGIN="https://desk.example")
    web.answer, web.address = answer, "/sso/jwt/"
    if answer.status_code == 303:
        web.browser.cookies.update(answer.cookies)
        web.open(urlsplit(answer["Location"]).path)


def press(web: WebDoor) -> str:
    """Press “Continue”."""
    return web.take("continue").step


def test_who_is_vouched_for_presses_once_and_is_in(web: WebDoor, ben: User, desk: Integration) -> None:
    arrive(web, token(desk, sub=BEN))
    assert "Desk of Acme" in web.page.text
    assert BEN in web.page.text
    assert not Session.objects.exists()
    assert not web.is_in()
    assert press(web) == "done"
    assert web.is_in()
    session = Session.objects.get()
    assert session.methods == ["fed"]
    assert session.integration == desk
    assert (session.expires_at - timezone.now()).total_seconds() <= 660  # no longer than its token


def test_somebody_new_gets_an_account(web: WebDoor, desk: Integration) -> None:
    arrive(web, token(desk, sub=NINA, displayName="Nina Novák"))
    assert press(web) == "done"
    nina = User.objects.get(email=NINA)
    assert (nina.display_name, nina.came_by, nina.company) == ("Nina Novák", Arrival.VOUCHED, desk.company)
    assert [role.name for role in nina.roles.all()] == ["Agent"]
    assert nina.email_verified_at is None


def test_the_second_factor_is_asked_for_as_ever(
    web: WebDoor, ben: User, desk: Integration, post: Post
) -> None:
    configure(**{"TwoFactor.Policy": "required"})
    arrive(web, token(desk, sub=BEN))
    assert press(web) == "code"
    assert not web.is_in()
    assert web.take("code", code=post.code(BEN)).step == "done"
    assert Session.objects.get().methods == ["fed", "otp"]


def test_a_token_is_spent_by_the_first_who_brings_it(web: WebDoor, ben: User, desk: Integration) -> None:
    given = token(desk, sub=BEN)
    arrive(web, given)
    second = web.stranger()
    assert isinstance(second, WebDoor)
    arrive(second, given)
    assert second.answer.status_code == 401
    assert "used already" in second.page.text
    assert press(web) == "done"


def test_without_an_id_it_could_be_used_twice_and_is_refused(
    web: WebDoor, ben: User, desk: Integration
) -> None:
    arrive(web, token_of(desk, now=timezone.now(), sub=BEN))
    assert web.answer.status_code == 401
    assert not Attempt.objects.exists()


def test_a_token_in_an_address_is_refused_and_not_spent(web: WebDoor, ben: User, desk: Integration) -> None:
    given = token(desk, sub=BEN)
    for answer in (
        web.browser.get("/sso/jwt/", {"token": given}),
        web.browser.get("/sso/jwt/", {"jwt": given}),
        Client().post(f"/sso/jwt/?token={given}", {"token": given}),
    ):
        assert answer.status_code == 400
        assert given not in answer.content.decode()
    arrive(web, given)
    assert press(web) == "done"


def test_a_site_cannot_sign_its_visitor_in_behind_his_back(
    web: WebDoor, ben: User, desk: Integration
) -> None:
    """Login CSRF: whatever another site posts, nothing happens before a button on our own page, with its own token."""
    arrive(web, token(desk, sub=BEN))
    assert not Session.objects.exists()
    forged = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1")
    forged.cookies.update(web.browser.cookies)
    answer = forged.post("/login/continue/", {}, HTTP_ORIGIN="https://evil.example")
    assert answer.status_code == 403
    assert not Session.objects.exists()


def test_another_browser_cannot_go_on(web: WebDoor, ben: User, desk: Integration) -> None:
    arrive(web, token(desk, sub=BEN))
    other = web.stranger()
    assert other.take("continue").step != "done"
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example/", "https:evil.example", "/\\evil.example", "javascript:alert(1)",
     "https://127.0.0.1:8000@evil.example/", "http://127.0.0.1.evil.example/", "/%0d%0aSet-Cookie: a=b", "\t//evil.example"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_afterwards(web: WebDoor, ben: User, desk: Integration, target: str) -> None:
    arrive(web, token(desk, sub=BEN), next=target)
    press(web)
    for answer in web.trail:
        assert not answer.get("Location", "/").lstrip().startswith(("//", "http", "\\", "javascript"))


def test_it_goes_on_where_the_integration_wants(web: WebDoor, ben: User, desk: Integration) -> None:
    arrive(web, token(desk, sub=BEN), next="/account/sessions/")
    press(web)
    assert web.address == "/account/sessions/"


def test_a_token_with_a_policy_opens_neither_the_account_nor_the_administration(
    web: WebDoor, ben: User, desk: Integration
) -> None:
    arrive(web, token(desk, sub=BEN, policy={"version": 3, "sessions": {}}))
    assert press(web) == "done"
    assert web.browser.get("/").status_code == 200
    for path in ("/account/", "/account/security/", "/admin/", "/login/confirm/", "/team/"):
        assert web.browser.get(path).status_code == 403, path
    for path in ("/api/v1/me/factors/", "/api/v1/users/", "/api/v1/sessions/"):
        assert web.browser.get(path).status_code == 403, path
    assert web.browser.get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize("kind", ["locked meanwhile", "switched off", "password changed"])
def test_what_changed_before_the_button_voids_it(
    web: WebDoor, ben: User, desk: Integration, kind: str
) -> None:
    arrive(web, token(desk, sub=BEN))
    if kind == "locked meanwhile":
        User.objects.filter(pk=ben.pk).update(locked_at=timezone.now())
    elif kind == "password changed":
        User.objects.filter(pk=ben.pk).update(security_version=7)
    else:
        Integration.objects.filter(pk=desk.pk).update(is_active=False)
    assert press(web) != "done"
    assert not web.is_in()


def test_ten_minutes_later_it_is_over(web: WebDoor, ben: User, desk: Integration, clock: Time) -> None:
    arrive(web, token(desk, sub=BEN))
    clock.forward(minutes=16)
    assert press(web) == "ended"


@pytest.mark.parametrize("who", ["cleo", "root", "ada"])
def test_nobody_of_elsewhere_and_nobody_above(
    web: WebDoor, ada: User, cleo: User, root: User, desk: Integration, who: str
) -> None:
    arrive(web, token(desk, sub={"cleo": cleo, "root": root, "ada": ada}[who].email))
    assert web.answer.status_code == 401
    assert "cannot sign this person in" in web.page.text
    assert not Attempt.objects.exists()

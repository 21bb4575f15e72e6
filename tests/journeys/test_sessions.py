"""Sessions: listed, ended, limited, and over in the end."""

from datetime import timedelta

import pytest

from accounts.ending import sign_out_everywhere
from accounts.models import Session, User
from tenants.actor import system_actor
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Time, configure

pytestmark = pytest.mark.django_db
BEN = "ben@acme.example"


def test_every_session_is_listed_and_one_of_them_can_be_ended(web: WebDoor, api: ApiDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    elsewhere = WebDoor(address="203.0.113.9", agent="Mozilla/5.0 (iPhone) Mobile Safari/604.1")
    sign_in(elsewhere, BEN, PASSWORD)
    sign_in(api, BEN, PASSWORD)
    page = web.open("/account/sessions/")
    assert page.text.count("this one") == 1
    assert "203.0.113.9" in page.text
    its = Session.objects.get(address="203.0.113.9")
    form = page.form_to(f"/account/sessions/{its.uid}/end/")
    assert form is not None
    web.send(form)
    assert "was ended" in web.page.text
    assert not elsewhere.is_in()
    assert web.is_in()
    assert api.is_in()


def test_whose_session_was_ended_is_told_so(web: WebDoor, ben: User, clock: Time) -> None:
    assert "has ended" not in web.open("/login/").text
    sign_in(web, BEN, PASSWORD)
    sign_out_everywhere(ben, by=system_actor(), now=clock())
    assert "Your session has ended" in web.open("/account/").text


def test_all_others_can_be_ended_at_once(web: WebDoor, api: ApiDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    other = WebDoor()
    sign_in(other, BEN, PASSWORD)
    sign_in(api, BEN, PASSWORD)
    form = web.open("/account/sessions/").form_to("/account/sessions/end-others/")
    assert form is not None
    web.send(form)
    assert (web.is_in(), other.is_in(), api.is_in()) == (True, False, False)
    assert api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh}).status == 401


def test_a_session_of_somebody_else_cannot_be_ended(web: WebDoor, ben: User, cleo: User) -> None:
    configure(TwoFactor__NoVerifiedContactBehaviour="allow")
    User.objects.filter(pk=cleo.pk).update(email_verified_at=None)
    cleos = WebDoor()
    sign_in(cleos, "cleo@globex.example", PASSWORD)
    sign_in(web, BEN, PASSWORD)
    web.post(f"/account/sessions/{Session.objects.get(user=cleo).uid}/end/")
    assert web.answer.status_code == 404
    assert cleos.is_in()


def test_one_session_too_many_ends_the_oldest(door: Door, ben: User) -> None:
    configure(Login__Security__Strict=True, security_authentication_rules__max_account_sessions=2)
    first, second = door, door.stranger()
    sign_in(first, BEN, PASSWORD)
    sign_in(second, BEN, PASSWORD)
    third = door.stranger()
    sign_in(third, BEN, PASSWORD)
    assert (first.is_in(), second.is_in(), third.is_in()) == (False, True, True)
    assert Session.objects.get(ended_reason="too_many")


def test_a_session_ends_in_the_end_however_much_it_is_used(web: WebDoor, ben: User, clock: Time) -> None:
    configure(Session__AbsoluteHours=1)
    sign_in(web, BEN, PASSWORD)
    for _ in range(5):
        clock.forward(minutes=10)
        assert web.is_in()
    clock.forward(minutes=10)
    assert not web.is_in()
    assert web.open("/account/").heading == "Sign in"


def test_tokens_end_with_their_session_at_the_latest(api: ApiDoor, ben: User, clock: Time) -> None:
    configure(Session__AbsoluteHours=1)
    sign_in(api, BEN, PASSWORD)
    clock.forward(minutes=57)
    assert not api.is_in()  # five minutes have long passed
    assert api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh}).facts["expires_in"] == 180
    assert api.is_in()
    clock.forward(minutes=3)
    assert not api.is_in()
    assert api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh}).status == 401


def test_an_administrator_ends_everything_of_a_person(door: Door, ben: User, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    assert sign_out_everywhere(ben, by=system_actor(), now=clock()) is None
    assert not door.is_in()


def test_the_page_without_a_session_leads_to_the_sign_in(web: WebDoor, ben: User) -> None:
    for path in (
        "/",
        "/account/",
        "/account/sessions/",
        "/account/security/",
        "/account/contacts/",
        "/account/password/",
    ):
        web.open(path)
        assert web.said().step == "username"


def test_a_session_that_nobody_used_is_not_made_younger_by_looking_at_it(
    web: WebDoor, ben: User, clock: Time
) -> None:
    sign_in(web, BEN, PASSWORD)
    other = WebDoor()
    sign_in(other, BEN, PASSWORD)
    clock.forward(minutes=5)
    web.open("/account/sessions/")
    seen = Session.objects.order_by("id").values_list("seen_at", flat=True)
    assert seen[0] - seen[1] == timedelta(minutes=5)

"""Confirming who holds the session: after an idle lock, and before something sensitive."""

import json

import pytest

from accounts.middleware import SESSION_COOKIE
from accounts.models import Session, User
from login.models import Attempt
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def test_an_idle_page_asks_for_the_password_and_goes_on_where_it_was(
    web: WebDoor, ben: User, clock: Time
) -> None:
    sign_in(web, BEN, PASSWORD)
    clock.forward(minutes=16)
    web.open("/account/sessions/")
    assert web.said().step == "password"
    assert "still you" in web.page.text
    web.take("password", password=PASSWORD)
    assert web.address == "/account/sessions/"
    assert Session.objects.count() == 1


def test_what_was_typed_into_a_page_that_locked_is_still_there(
    web: WebDoor, ada: User, post: Post, clock: Time
) -> None:
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA))
    form = web.open("/account/contacts/").form_to("/account/contacts/email/")
    assert form is not None
    clock.forward(minutes=16)
    page = web.send(form, email="ada.adler@acme.example")
    assert web.answer.status_code == 403
    assert "Nothing is lost" in page.text
    kept = page.form_to("/account/contacts/email/")
    assert kept is not None
    assert kept.values["email"] == "ada.adler@acme.example"
    secret = web.browser.cookies[SESSION_COOKIE].value
    web.open("/login/confirm/")  # in another tab
    assert web.take("password", password=PASSWORD).step == "done"
    assert web.browser.cookies[SESSION_COOKIE].value != secret
    page = web.send(kept)  # and back in the first
    assert web.address == "/account/contacts/"
    assert "We sent a code to ada.adler@acme.example" in page.text


def test_a_page_that_locked_keeps_no_secret(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    form = next(form for form in web.open("/account/password/").forms if "new_password" in form.values)
    clock.forward(minutes=16)
    web.send(form, current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert web.answer.status_code == 403
    assert PASSWORD not in web.answer.content.decode()
    assert NEW_PASSWORD not in web.answer.content.decode()


def test_a_locked_session_opens_nothing_before_it_is_confirmed(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    clock.forward(minutes=16)
    web.open("/account/")
    assert web.said().step == "password"
    assert web.take("password", password="not this one").refused
    assert not web.is_in()
    refused = web.browser.get("/api/v1/me/")
    assert (refused.status_code, json.loads(refused.content)["code"]) == (401, "session_locked")
    assert web.browser.get("/admin/").status_code in {302, 403}


def test_the_clock_of_the_lock_starts_again_with_every_use(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    for _ in range(4):
        clock.forward(minutes=14)
        assert web.is_in()


def test_the_idle_time_is_a_setting_and_can_be_switched_off(web: WebDoor, ben: User, clock: Time) -> None:
    configure(Session__IdleLockMinutes=1)
    sign_in(web, BEN, PASSWORD)
    clock.forward(minutes=1)
    assert not web.is_in()
    configure(Session__IdleLockMinutes=0)
    other = WebDoor()
    sign_in(other, BEN, PASSWORD)
    clock.forward(hours=3)
    assert other.is_in()


def test_who_is_locked_out_may_sign_out(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    clock.forward(minutes=16)
    web.open("/account/")
    web.post("/logout/")
    assert web.said().step == "username"
    assert Session.objects.get().ended_at


def test_confirming_may_be_given_up(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    clock.forward(minutes=16)
    page = web.open("/account/")
    cancel = page.form_to("/login/cancel/")
    assert cancel is not None
    web.send(cancel)
    assert web.said().step == "password"  # still locked, so it is asked again
    assert not web.is_in()


def test_a_change_of_address_needs_a_recent_proof_and_loses_nothing(
    web: WebDoor, ben: User, post: Post, clock: Time
) -> None:
    sign_in(web, BEN, PASSWORD)
    clock.forward(minutes=11)
    form = web.open("/account/contacts/").form_to("/account/contacts/email/")
    assert form is not None
    page = web.send(form, email="ben.brandt@acme.example")
    assert (web.answer.status_code, page.heading) == (403, "Confirm that it is still you")
    assert post.to("ben.brandt@acme.example") == []
    kept = page.form_to("/account/contacts/email/")
    assert kept is not None
    assert "/login/confirm/" in page.links
    web.open("/login/confirm/")
    web.take("password", password=PASSWORD)
    web.send(kept)
    assert web.address == "/account/contacts/"
    assert len(post.to("ben.brandt@acme.example")) == 1


def test_a_page_session_may_be_confirmed_over_the_api_and_goes_on(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    token = web.browser.cookies["csrf"].value
    asked = web.browser.post("/api/v1/me/confirm/", content_type="application/json", HTTP_X_CSRFTOKEN=token)
    assert asked.status_code == 201
    handle = asked.json()["handle"]
    done = web.browser.post(
        "/api/v1/login/password/",
        json.dumps({"handle": handle, "password": PASSWORD}),
        content_type="application/json",
        HTTP_X_CSRFTOKEN=token,
    )
    assert done.json()["step"] == "done"
    assert web.is_in()


def test_a_program_confirms_too_and_keeps_its_tokens(api: ApiDoor, ben: User, clock: Time) -> None:
    sign_in(api, BEN, PASSWORD)
    tokens = api.access, api.refresh
    clock.forward(minutes=4)
    assert api.confirm().step == "password"
    said = api.take("password", password=PASSWORD)
    assert said.step == "done"
    assert (api.access, api.refresh) == tokens
    assert Session.objects.get().confirmed_at == clock()
    assert api.is_in()


def test_a_handle_of_a_confirmation_is_worth_nothing_after_the_session(api: ApiDoor, ben: User) -> None:
    sign_in(api, BEN, PASSWORD)
    api.confirm()
    api.leave()
    assert api.take("password", password=PASSWORD).step == "ended"
    assert not api.is_in()
    assert Session.objects.filter(ended_at=None).count() == 0


def test_confirming_counts_wrong_passwords_like_signing_in(api: ApiDoor, ben: User) -> None:
    sign_in(api, BEN, PASSWORD)
    for _ in range(10):
        api.confirm()
        assert api.take("password", password="not this one").refused
    api.confirm()
    assert api.take("password", password=PASSWORD).status == 429


def test_confirmations_of_one_session_are_not_begun_without_end(door: Door, ben: User, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    for _time in range(60):
        door.confirm()
    assert Attempt.objects.filter(purpose="confirm").count() == 60
    assert door.confirm().refused
    assert Attempt.objects.filter(purpose="confirm").count() == 60
    assert door.is_in()

"""Signing in, from the user name to the dashboard."""

from datetime import timedelta

import pytest

from accounts.models import Session, User
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def test_ben_needs_only_his_password(door: Door, ben: User) -> None:
    assert not door.is_in()
    assert sign_in(door, BEN, PASSWORD).step == "done"
    assert door.is_in()
    assert Session.objects.get().methods == ["pwd"]


def test_ada_needs_the_code_that_is_mailed_to_her(door: Door, ada: User, post: Post) -> None:
    said = sign_in(door, ADA, PASSWORD)
    assert said.step == "code"
    assert not door.is_in()
    assert door.take("code", code=post.code(ADA)).step == "done"
    assert door.is_in()
    assert Session.objects.get().methods == ["pwd", "otp"]


def test_a_name_is_found_in_any_spelling(door: Door, ben: User) -> None:
    assert sign_in(door, " BEN@Acme.Example ", PASSWORD).step == "done"


def test_a_wrong_password_is_refused_and_the_right_one_still_counts(door: Door, ben: User) -> None:
    said = sign_in(door, BEN, "something else entirely")
    assert (said.step, said.refused) == ("password", True) or said.facts.get("code") == "try_again"
    assert "do not fit together" in said.text
    assert door.take("password", password=PASSWORD).step == "done"


def test_a_directory_account_of_the_same_name_is_somebody_else(door: Door, ben: User) -> None:
    assert door.begin(BEN, realm="external").step == "password"
    assert door.take("password", password=PASSWORD).refused
    assert not door.is_in()


def test_a_password_that_must_change_is_changed_after_the_code(door: Door, ada: User, post: Post) -> None:
    User.objects.filter(pk=ada.pk).update(must_change_password=True)
    assert sign_in(door, ADA, PASSWORD).step == "code"
    said = door.take("code", code=post.code(ADA))
    assert said.step == "change-password"
    assert not door.is_in()
    said = door.take("change-password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert said.step == "done", said
    assert door.is_in()
    ada.refresh_from_db()
    assert not ada.must_change_password
    other = door.stranger()
    assert sign_in(other, ADA, PASSWORD).refused
    assert other.take("password", password=NEW_PASSWORD).step == "code"


def test_a_password_that_must_change_needs_the_current_one_and_keeps_the_rules(door: Door, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(must_change_password=True)
    assert sign_in(door, BEN, PASSWORD).step == "change-password"
    for current, new, sentence in (
        ("not the current one", NEW_PASSWORD, "The current password is not right"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, PASSWORD, "last"),
        (PASSWORD, "ben@acme.example1", "not easily guessed"),
        (PASSWORD, "x" * 129, "at most 128 characters"),
    ):
        said = door.take("change-password", current_password=current, new_password=new)
        assert said.refused, said
        assert sentence in said.text
        assert not door.is_in()
    assert door.take("change-password", current_password=PASSWORD, new_password=NEW_PASSWORD).step == "done"


def test_an_expired_password_is_changed_at_the_next_sign_in(door: Door, ben: User, clock: Time) -> None:
    configure(Login__Security__Strict=True, security_authentication_rules__password_expiration=90)
    User.objects.filter(pk=ben.pk).update(password_changed_at=clock() - timedelta(days=89))
    assert sign_in(door, BEN, PASSWORD).step == "done"
    clock.forward(days=2)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "change-password"


def test_an_account_unused_for_too_long_is_locked(door: Door, ben: User, clock: Time) -> None:
    User.objects.filter(pk=ben.pk).update(created_at=clock(), last_login=clock())
    configure(Login__Security__Strict=True, security_authentication_rules__account_expiration=30)
    clock.forward(days=31)
    assert sign_in(door, BEN, PASSWORD).refused
    ben.refresh_from_db()
    assert ben.locked_reason == "unused for too long"


def test_a_warning_is_shown_before_the_password_expires(web: WebDoor, ben: User, clock: Time) -> None:
    rules = {"password_expiration": 30, "password_expiration_notify": 7}
    configure(
        Login__Security__Strict=True, **{f"security_authentication_rules__{k}": v for k, v in rules.items()}
    )
    User.objects.filter(pk=ben.pk).update(password_changed_at=clock() - timedelta(days=25))
    sign_in(web, BEN, PASSWORD)
    assert "expires in 5 days" in web.page.text


def test_the_page_asked_for_opens_after_the_sign_in(web: WebDoor, ben: User) -> None:
    web.open("/account/sessions/")
    assert web.address == "/login/?next=%2Faccount%2Fsessions%2F"
    form = next(form for form in web.page.forms if "username" in form.values)
    web.send(form, username=BEN)
    web.take("password", password=PASSWORD)
    assert web.address == "/account/sessions/"


def test_the_dashboard_shows_the_sign_in_before_this_one(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    clock.forward(days=1)
    other = WebDoor(address="203.0.113.9")
    sign_in(other, BEN, PASSWORD)
    assert "198.51.100.7" in other.open("/").text


def test_the_end_of_a_sign_in_by_api_tells_who_and_what(api: ApiDoor, ada: User, post: Post) -> None:
    sign_in(api, ADA, PASSWORD)
    done = api.take("code", code=post.code(ADA)).facts
    assert done["token_type"] == "Bearer"
    assert done["expires_in"] == 300
    assert done["user"]["username"] == ADA
    assert done["company"]["name"] == "Acme"
    assert done["roles"] == ["Company Administrator"]
    assert {"application": "Gatehouse", "name": "Users - Manage"} in done["privileges"]
    assert done["permissions"]


def test_signing_out_ends_the_session_at_once(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    door.leave()
    assert not door.is_in()
    assert Session.objects.get().ended_at is not None

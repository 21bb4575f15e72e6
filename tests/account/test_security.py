"""Own second factors and own password."""

import pytest

from accounts.models import User
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time
from twofactor.models import Factor

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def turn_on(door: Door) -> None:
    if isinstance(door, ApiDoor):
        door.post("/api/v1/me/factors/", {"kind": "email"}, bearer=door.access)
    else:
        assert isinstance(door, WebDoor)
        form = door.open("/account/security/").form_to("/account/security/email-codes/")
        assert form is not None
        door.send(form)


def turn_off(door: Door) -> int:
    uid = Factor.objects.get().uid
    if isinstance(door, ApiDoor):
        bearer = f"Bearer {door.access}"
        return door.client.delete(f"/api/v1/me/factors/{uid}/", HTTP_AUTHORIZATION=bearer).status_code
    assert isinstance(door, WebDoor)
    door.open("/account/security/")
    door.post(f"/account/security/factors/{uid}/remove/")
    return door.answer.status_code


def change(door: Door, current: str, new: str) -> str:
    if isinstance(door, ApiDoor):
        given = {"current_password": current, "new_password": new}
        return door.post("/api/v1/me/password/", given, bearer=door.access).text
    assert isinstance(door, WebDoor)
    form = next(form for form in door.open("/account/password/").forms if "new_password" in form.values)
    return door.send(form, current_password=current, new_password=new).text


def test_codes_by_mail_are_turned_on_and_asked_for_at_the_next_sign_in(
    door: Door, ben: User, post: Post
) -> None:
    sign_in(door, BEN, PASSWORD)
    turn_on(door)
    assert door.is_in()
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"


def test_a_factor_that_is_turned_off_is_told_by_mail(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    turn_on(door)
    assert turn_off(door) < 300
    assert "turned off for your account" in post.newest(BEN)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"


def test_the_last_factor_stays_where_one_is_required(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    door.take("code", code=post.code(ADA))
    turn_on(door)
    turn_off(door)
    assert Factor.objects.count() == 1


def test_without_a_verified_address_no_codes_can_be_turned_on(api: ApiDoor, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    sign_in(api, BEN, PASSWORD)
    turn_on(api)
    assert api.body["code"] == "not_verified"
    assert not Factor.objects.exists()


def test_turning_a_factor_off_needs_a_recent_proof(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    turn_on(web)
    clock.forward(minutes=11)
    turn_off(web)
    assert web.said().step == "password"
    assert Factor.objects.exists()


def test_the_own_password_changes_and_other_sessions_end(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    change(door, PASSWORD, NEW_PASSWORD)
    assert (door.is_in(), other.is_in()) == (True, False)
    assert "password of your account was changed" in post.newest(BEN)
    assert sign_in(other, BEN, NEW_PASSWORD).step == "done"


def test_the_own_password_needs_the_current_one(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    assert "current password is not right" in change(door, "not this one at all", NEW_PASSWORD)
    assert "12 characters" in change(door, PASSWORD, "short")
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"

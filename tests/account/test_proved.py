"""A browser that is remembered signs in without the second factor, and yet does not change it: the factor itself is asked for first."""

import json
from typing import Any

import pytest

from accounts.middleware import BROWSER_COOKIE
from accounts.models import User
from tests.account.apps import set_up
from tests.factors import App, app_of
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure
from twofactor.models import Challenge, Factor

pytestmark = pytest.mark.django_db
BEN = "ben@acme.example"


@pytest.fixture
def app(ben: User, clock: Time) -> App:
    """Ben's app."""
    configure(TwoFactor__SkipOptions="device")
    return app_of(ben)


@pytest.fixture
def remembered(web: WebDoor, app: App, clock: Time) -> WebDoor:
    """Ben's browser, in which he just signed in by his password alone."""
    sign_in(web, BEN, PASSWORD)
    assert web.take("code", code=app.code(), remember="on").step == "done"
    web.leave()
    clock.forward(minutes=1)
    assert sign_in(web, BEN, PASSWORD).step == "done"
    return web


def rest(door: WebDoor, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """The same session over REST: the status, and the code of a refusal."""
    token = door.browser.cookies["csrf"].value
    answer = door.browser.generic(
        method,
        f"/api/v1/{path}",
        json.dumps({} if body is None else body),
        content_type="application/json",
        HTTP_X_CSRFTOKEN=token,
    )
    return answer.status_code, json.loads(answer.content or b"{}").get("code", "")


def prove(door: Door, app: App, clock: Time) -> None:
    """Confirm who one is, by the app as well."""
    clock.forward(minutes=1)
    door.confirm()
    assert door.take("password", password=PASSWORD).step == "code"
    assert door.take("code", code=app.code()).step == "done"


def test_on_the_pages_the_second_factor_is_asked_for_before_it_is_changed(
    remembered: WebDoor, app: App, clock: Time
) -> None:
    factor = Factor.objects.get()
    for path, fields in (
        ("/account/security/app/", {"name": "", "algorithm": "SHA1", "digits": "6"}),
        ("/account/security/recovery/", {}),
        ("/account/security/turn-on/email/", {}),
        (f"/account/security/factors/{factor.uid}/", {"name": "mine"}),
        (f"/account/security/factors/{factor.uid}/remove/", {}),
        ("/account/security/passkeys/add/", {"name": ""}),
        ("/account/contacts/email/", {"email": "thief@evil.example"}),
    ):
        remembered.post(path, **fields)
        answer = remembered.trail[0]
        assert answer.status_code == 403 or answer["Location"].startswith("/login/confirm/"), path
    assert [(one.name, one.kind) for one in Factor.objects.all()] == [("", "totp")]
    assert not Challenge.objects.filter(purpose="contact").exists()
    prove(remembered, app, clock)
    remembered.post(f"/account/security/factors/{factor.uid}/remove/")
    assert not Factor.objects.exists()


def test_and_so_it_is_over_rest(remembered: WebDoor, app: App, clock: Time) -> None:
    factor = Factor.objects.get()
    for method, path, body in (
        ("POST", "me/factors/", {"kind": "totp"}),
        ("POST", "me/factors/", {"kind": "recovery"}),
        ("POST", "me/factors/", {"kind": "email"}),
        ("PATCH", f"me/factors/{factor.uid}/", {"name": "mine"}),
        ("DELETE", f"me/factors/{factor.uid}/", None),
        ("POST", "me/passkeys/", None),
        ("POST", "me/email/", {"email": "thief@evil.example"}),
        ("POST", "me/phone/", {"phone": "+4915112345678"}),
    ):
        assert rest(remembered, method, path, body)[1] == "confirm_first", path
    prove(remembered, app, clock)
    assert rest(remembered, "DELETE", f"me/factors/{factor.uid}/")[0] in {200, 204}
    assert not Factor.objects.exists()


def test_the_password_alone_does_not_confirm_it(remembered: WebDoor, app: App) -> None:
    remembered.confirm()
    said = remembered.take("password", password=PASSWORD)
    assert said.step == "code"
    assert rest(remembered, "POST", "me/factors/", {"kind": "email"})[1] == "confirm_first"


def test_a_cookie_of_a_remembered_browser_leads_a_program_no_further(remembered: WebDoor, app: App) -> None:
    """Mallory has the password and a copy of the cookie."""
    api = ApiDoor()
    api.client.cookies[BROWSER_COOKIE] = remembered.browser.cookies[BROWSER_COOKIE].value
    assert sign_in(api, BEN, PASSWORD).step == "done"
    said = api.post("/api/v1/me/factors/", {"kind": "totp"}, bearer=api.access)
    assert said.facts["code"] == "confirm_first"
    assert Factor.objects.count() == 1


def test_an_address_that_was_verified_before_is_asked_for_as_well(
    web: WebDoor, ben: User, post: Post, clock: Time
) -> None:
    """Where everybody needs a second factor, and the mailbox is Ben's without his having turned it on."""
    configure(TwoFactor__Policy="required", TwoFactor__SkipOptions="device")
    sign_in(web, BEN, PASSWORD)
    assert web.take("code", code=post.code(BEN), remember="on").step == "done"
    web.leave()
    clock.forward(minutes=1)
    assert sign_in(web, BEN, PASSWORD).step == "done"
    assert rest(web, "POST", "me/factors/", {"kind": "totp"})[1] == "confirm_first"
    web.confirm()
    assert web.take("password", password=PASSWORD).step == "code"
    assert web.take("code", code=post.code(BEN)).step == "done"
    assert rest(web, "POST", "me/factors/", {"kind": "totp"})[0] == 200


def test_whoever_turned_one_on_in_this_very_session_is_not_asked(door: Door, ben: User, clock: Time) -> None:
    assert sign_in(door, BEN, PASSWORD).step == "done"
    clock.forward(seconds=30)
    set_up(door)
    clock.forward(seconds=30)
    set_up(door, name="another")
    assert Factor.objects.exclude(confirmed_at=None).count() == 2


def test_nor_is_whoever_proved_it_at_the_sign_in(door: Door, app: App, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code=app.code()).step == "done"
    clock.forward(seconds=30)
    set_up(door, name="another")
    assert Factor.objects.count() == 2

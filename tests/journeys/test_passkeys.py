"""Signing in and confirming by passkey, through both doors, and what it is good for."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Session, User
from audit.models import AuditEvent
from audit.record import Origin
from login.models import Attempt
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.passkeys import (
    ORIGIN,
    add,
    begin_by_passkey,
    device_of,
    given_passkey,
    options_at,
    show,
    to_second_proof,
)
from tests.journeys.stage import PASSWORD, Post, Time, configure
from tests.services.authenticator import Authenticator, written
from twofactor.models import Challenge, Factor
from twofactor.services.factors import make_recovery_codes

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
BEN = "ben@acme.example"


@pytest.fixture(autouse=True)
def named(settings: Settings) -> None:
    """The portal has a name."""
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def device(named: None) -> Authenticator:
    """Ben's."""
    return device_of()


def methods() -> list[str]:
    session = Session.objects.order_by("-pk").first()
    assert session is not None
    return list(session.methods)


# --- adding one, and the second proof


def test_a_passkey_is_added_and_asked_for_after_the_password(
    door: Door, ben: User, device: Authenticator, post: Post
) -> None:
    sign_in(door, BEN, PASSWORD)
    assert not add(door, device, name="Work laptop").refused
    assert Factor.objects.get().name == "Work laptop"
    assert "turned on for your account: Passkey" in post.newest(BEN)
    assert door.is_in()
    other = door.stranger()
    to_second_proof(other, ben)
    assert not other.is_in()
    options = options_at(other)
    assert (options["rpId"], options["userVerification"]) == ("portal.example.com", "discouraged")
    assert show(other, device.get(options)).step == "done"
    assert other.is_in()
    assert methods() == ["pwd", "swk"]


def test_a_program_is_told_of_its_passkey_as_of_any_factor(
    api: ApiDoor, ben: User, device: Authenticator
) -> None:
    sign_in(api, BEN, PASSWORD)
    add(api, device, name="Work laptop")
    made = api.body
    assert (made["kind"], made["name"], made["is_backed_up"]) == ("passkey", "Work laptop", True)
    assert made["confirmed_at"] is not None
    api.get("/api/v1/me/factors/")
    assert api.answer.json() == [made]


def test_the_answer_to_a_question_that_is_no_longer_the_newest_is_refused(
    api: ApiDoor, ben: User, device: Authenticator
) -> None:
    sign_in(api, BEN, PASSWORD)
    api.post("/api/v1/me/passkeys/", {}, bearer=api.access)
    older = device.create(api.body["options"])
    api.post("/api/v1/me/passkeys/", {}, bearer=api.access)
    said = api.post("/api/v1/me/passkeys/confirm/", {"credential": older}, bearer=api.access)
    assert (said.status, api.body["code"]) == (401, "try_again")
    assert not Factor.objects.exists()


def test_a_passkey_that_does_not_hold_is_not_added(door: Door, ben: User, device: Authenticator) -> None:
    sign_in(door, BEN, PASSWORD)
    assert add(door, device, origin="https://evil.example").refused
    assert not Factor.objects.exists()


def test_adding_needs_a_recent_proof(door: Door, ben: User, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    clock.forward(minutes=11)
    if isinstance(door, ApiDoor):
        door.post("/api/v1/tokens/refresh/", {"refresh_token": door.refresh})
        for path in ("/api/v1/me/passkeys/", "/api/v1/me/passkeys/confirm/"):
            said = door.post(path, {"credential": {}}, bearer=door.access)
            assert (said.status, said.facts["code"]) == (403, "confirm_first")
    else:
        assert isinstance(door, WebDoor)
        door.open("/account/security/passkeys/add/")
        assert door.said().step == "password"
    assert not Challenge.objects.exists()


def test_another_way_can_be_chosen_and_the_passkey_again(
    door: Door, ben: User, device: Authenticator, clock: Time
) -> None:
    given_passkey(ben, device)
    made = make_recovery_codes(ben, origin=Origin(actor=ben), now=clock())
    assert isinstance(made, tuple)
    assert sign_in(door, BEN, PASSWORD).step == "method"
    assert door.take("method", method="passkey").step == "passkey"
    if isinstance(door, WebDoor):
        assert "/login/method/" in door.page.links
        assert door.open("/login/method/").heading == "One more proof"
    assert door.take("method", method="recovery").step == "code"
    assert door.take("method", method="passkey").step == "passkey"
    assert show(door, device.get(options_at(door))).step == "done"


def test_a_browser_is_remembered_after_a_passkey_beside_a_password(
    web: WebDoor, ben: User, device: Authenticator
) -> None:
    configure(TwoFactor__SkipOptions="device")
    given_passkey(ben, device)
    to_second_proof(web, ben)
    assert "Do not ask again" in web.page.text
    assert "data-auto" not in web.answer.content.decode()  # or nobody could choose it
    assert show(web, device.get(options_at(web)), remember="on").step == "done"
    web.leave()
    assert sign_in(web, BEN, PASSWORD).step == "done"
    web.leave()
    begin_by_passkey(web)
    assert "Do not ask again" not in web.page.text


def test_a_question_that_grew_old_is_put_again(
    door: Door, ben: User, device: Authenticator, clock: Time
) -> None:
    configure(TwoFactor__CodeExpiryMinutes=1)
    given_passkey(ben, device)
    to_second_proof(door, ben)
    old = device.get(options_at(door))
    clock.forward(minutes=1)
    assert "took too long" in show(door, old).text
    assert door.take("resend").step == "passkey"
    assert show(door, old).refused
    if isinstance(door, WebDoor):
        door.open("/login/passkey/")
    assert show(door, device.get(options_at(door))).step == "done"


def test_after_a_mailed_link_the_passkey_is_asked_for(
    door: Door, ben: User, device: Authenticator, post: Post
) -> None:
    given_passkey(ben, device)
    door.forgotten(BEN)
    assert door.use(post.link(BEN)).step == "passkey"
    lie = device.get(options_at(door), origin="https://evil.example")
    assert show(door, lie).step == "passkey"
    assert show(door, device.get(options_at(door))).step == "change-password"
    assert not door.is_in()


# --- both proofs


def test_a_passkey_alone_signs_in_where_two_proofs_are_required(
    door: Door, ada: User, device: Authenticator
) -> None:
    given_passkey(ada, device)
    begun = begin_by_passkey(door)
    assert (begun.step, begun.refused) == ("passkey", False)
    options = options_at(door)
    assert (options["allowCredentials"], options["userVerification"]) == ([], "required")
    assert show(door, device.get(options)).step == "done"
    assert door.is_in()
    assert methods() == ["swk", "mfa"]
    assert Session.objects.get().user == ada


def test_no_change_of_password_is_asked_for_where_none_was_used(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    User.objects.filter(pk=ben.pk).update(must_change_password=True)
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door))).step == "done"


# --- limits, and what is no answer at all


def test_those_that_hold_are_not_counted(api: ApiDoor, ben: User, device: Authenticator) -> None:
    given_passkey(ben, device)
    for _ in range(3):
        begin_by_passkey(api)
        assert show(api, device.get(options_at(api))).step == "done"
    event = AuditEvent.objects.filter(event="login:attempt:limited")
    assert not event.exists()


@pytest.mark.parametrize(
    "given", ["", "x", "[]", "7", "null", '{"a":' * 99, "[" * 20_000, "\x00", '{"id": "\\u0000"}']
)
def test_what_is_no_credential_is_refused_on_a_page(web: WebDoor, ben: User, given: str) -> None:
    begin_by_passkey(web)
    assert web.take("passkey", credential=given).refused
    assert web.said().step == "passkey"


@pytest.mark.parametrize(
    "given",
    [None, "x", [], 7, {}, {"id": "\x00"}, {"id": "x" * 20_000}, {"a": {"b": {"c": [[[[[[[[]]]]]]]]}}}],
)
def test_what_is_no_credential_is_refused_over_the_api(api: ApiDoor, ben: User, given: Any) -> None:
    begin_by_passkey(api)
    assert show(api, given).status in {400, 401}
    assert not api.is_in()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"passkey": False},
        {"passkey": True, "username": BEN},
        {"passkey": "yes"},
        {"passkey": True, "realm": "internal"},
    ],
)
def test_a_sign_in_begins_with_a_name_or_a_passkey(api: ApiDoor, ben: User, given: dict[str, Any]) -> None:
    assert api.post("/api/v1/login/", given).status == 400
    assert not Attempt.objects.exists()


def test_an_address_without_a_name_offers_none(
    web: WebDoor, api: ApiDoor, ben: User, settings: Settings
) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert "passkey" not in web.open("/login/").text
    said = begin_by_passkey(api)
    assert (said.status, said.facts["code"]) == (409, "passkeys_unavailable")
    web.post("/login/", passkey="1")
    assert web.said().step == "username"
    sign_in(web, BEN, PASSWORD)
    assert "only for an address with a name" in web.open("/account/security/passkeys/add/").text


# --- confirming


def _signed_in_by_passkey(door: Door, user: User, device: Authenticator) -> None:
    given_passkey(user, device)
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door))).step == "done"


def test_who_signed_in_by_passkey_confirms_by_it(
    door: Door, ben: User, device: Authenticator, clock: Time
) -> None:
    _signed_in_by_passkey(door, ben, device)
    clock.forward(minutes=4)
    assert door.confirm().step == "passkey"
    options = options_at(door)
    assert options["userVerification"] == "required"
    assert [one["id"] for one in options["allowCredentials"]] == [written(device.passkeys[0].credential_id)]
    assert show(door, device.get(options)).step == "done"
    assert Session.objects.get().confirmed_at == clock()
    assert door.is_in()


def test_who_signed_in_by_password_may_confirm_by_a_passkey(
    web: WebDoor, api: ApiDoor, ben: User, device: Authenticator, clock: Time
) -> None:
    given_passkey(ben, device)
    for door in (web, api):
        to_second_proof(door, ben)
        show(door, device.get(options_at(door)))
    assert web.confirm().step == "password"
    web.open(next(link for link in web.page.links if "by=passkey" in link))
    assert web.said().step == "passkey"
    assert show(web, device.get(options_at(web))).step == "done"
    assert web.address == "/account/"
    assert api.confirm().step == "password"
    assert api.post("/api/v1/me/confirm/", {"passkey": True}, bearer=api.access).step == "passkey"
    assert show(api, device.get(options_at(api))).step == "done"


def test_an_idle_page_opens_again_by_the_passkey_or_by_the_password(
    web: WebDoor, ben: User, device: Authenticator, clock: Time
) -> None:
    _signed_in_by_passkey(web, ben, device)
    clock.forward(minutes=16)
    web.open("/account/sessions/")
    assert web.said().step == "passkey"
    assert show(web, device.get(options_at(web))).step == "done"
    assert web.address == "/account/sessions/"
    clock.forward(minutes=16)
    web.open("/account/sessions/")
    web.open(next(link for link in web.page.links if "by=password" in link))
    assert web.take("password", password=PASSWORD).step == "done"
    assert web.address == "/account/sessions/"


def test_without_a_passkey_the_password_is_asked_for(door: Door, ben: User, device: Authenticator) -> None:
    sign_in(door, BEN, PASSWORD)
    if isinstance(door, ApiDoor):
        said = door.post("/api/v1/me/confirm/", {"passkey": True}, bearer=door.access)
    else:
        assert isinstance(door, WebDoor)
        door.open("/login/confirm/?by=passkey")
        said = door.said()
        assert not [link for link in door.page.links if "by=" in link]
    assert said.step == "password"

"""A: what was proved or begun in one place counts in no other: sessions, kinds, people, and rules that changed meanwhile."""

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.people import UserDraft, change_user
from tenants.actor import system_actor
from tests.attacks.people import BEN
from tests.cast import Api, browser
from tests.factors import App, app_of, mailbox_of, paper_of
from tests.journeys.doors import ApiDoor, Door, sign_in
from tests.journeys.passkeys import ORIGIN, begin_by_passkey, device_of, given_passkey, options_at
from tests.journeys.stage import PASSWORD, Post, configure
from tests.journeys.texts import NUMBER, Texts, with_number
from twofactor.models import Challenge

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
NEW = "new@acme.example"


@pytest.fixture(autouse=True)
def named(settings: Settings) -> None:
    """The portal has a name."""
    settings.PUBLIC_URL = ORIGIN


# --- passkeys


def test_a_passkey_for_one_question_answers_no_other(api: ApiDoor, ben: User) -> None:
    """The questions of a sign-in by passkey, of a second proof and of a confirmation are three."""
    device, program = device_of(), Api(ben)
    given_passkey(ben, device)
    begin_by_passkey(api)
    first, handle = options_at(api), api.handle
    other = ApiDoor()
    sign_in(other, BEN, PASSWORD)
    second = options_at(other)
    confirming = program.post("me/confirm/", {"passkey": True}).json()
    one = device.passkeys[0]

    def answer(given: str, options: dict[str, object]) -> bool:
        body = {"handle": given, "credential": device.get(options, passkey=one)}
        return api.post("/api/v1/login/passkey/", body).refused

    assert answer(handle, second)
    assert answer(handle, confirming["options"])
    assert answer(other.handle, first)
    assert answer(confirming["handle"], first)
    assert not api.is_in()


def test_somebody_elses_passkey_confirms_nothing(ben: User, ada: User) -> None:
    mine, hers = device_of(), device_of()
    given_passkey(ben, mine)
    given_passkey(ada, hers)
    program, api = Api(ben), ApiDoor()
    asked = program.post("me/confirm/", {"passkey": True}).json()
    for handle in (ben.uid.bytes, ada.uid.bytes, None):
        credential = hers.get(asked["options"], passkey=hers.passkeys[0], user_handle=handle)
        said = api.post("/api/v1/login/passkey/", {"handle": asked["handle"], "credential": credential})
        assert said.refused


def test_whoever_began_with_a_passkey_takes_no_other_step(door: Door, ben: User) -> None:
    app = app_of(ben)
    given_passkey(ben, device_of())
    begin_by_passkey(door)
    for step, fields in (
        ("method", {"method": "totp"}),
        ("code", {"code": app.code()}),
        ("enrol", {"kind": "totp"}),
        ("password", {"password": PASSWORD}),
        ("change-password", {"current_password": PASSWORD, "new_password": "five apples on a shelf 3"}),
    ):
        door.take(step, **fields)
        assert not door.is_in(), step
    assert Challenge.objects.count() == 1


# --- apps and addresses that wait for their first code


def test_an_app_that_waits_in_one_session_is_confirmed_and_shown_in_no_other(ben: User, ada: User) -> None:
    begun = Api(ben)
    made = begun.post("me/factors/", {"kind": "totp"}).json()
    code = App(made["secret"]).code()
    for other in (Api(ben), Api(ada)):
        assert other.post(f"me/factors/{made['id']}/confirm/", {"code": code}).status_code >= 400
        assert made["secret"] not in other.get("me/factors/").content.decode()
    page = browser(ben).get(f"/account/security/app/{made['id']}/").content.decode()
    assert made["secret"] not in page.replace(" ", "")
    assert begun.post(f"me/factors/{made['id']}/confirm/", {"code": code}).status_code == 200


def test_a_code_to_one_contact_verifies_no_other_and_in_no_other_session(
    ben: User, ada: User, post: Post, texts: Texts
) -> None:
    asks = Api(ben)
    assert asks.post("me/email/", {"email": NEW}).status_code == 200
    mailed = post.code(NEW)
    assert asks.post("me/phone/", {"phone": NUMBER}).status_code == 200
    texted = texts.code(NUMBER)
    for program in (Api(ben), Api(ada)):
        assert program.post("me/phone/confirm/", {"code": texted}).status_code >= 400
    for path, code in (("email", mailed), ("email", texted), ("phone", mailed)):
        assert asks.post(f"me/{path}/confirm/", {"code": code}).status_code >= 400, path
    ben.refresh_from_db()
    assert (ben.email, ben.phone) == (BEN, "")
    assert asks.post("me/phone/confirm/", {"code": texted}).status_code == 200


# --- what changed while a code was under way


def test_a_code_is_worth_nothing_once_the_settings_forbid_its_kind(door: Door, ben: User, post: Post) -> None:
    mailbox_of(ben)
    app_of(ben)
    sign_in(door, BEN, PASSWORD)
    door.take("method", method="email")
    code = post.code(BEN)
    configure(TwoFactor__CodeGeneration="external")
    door.take("code", code=code)
    assert not door.is_in()


def test_nor_once_the_address_is_another_persons(door: Door, ben: User, post: Post) -> None:
    mailbox_of(ben)
    sign_in(door, BEN, PASSWORD)
    code = post.code(BEN)
    change_user(ben, UserDraft(email=NEW), by=system_actor(), now=timezone.now())
    door.take("code", code=code)
    assert not door.is_in()


def test_a_mailed_link_is_followed_by_no_weaker_proof(
    door: Door, ben: User, post: Post, texts: Texts
) -> None:
    """Ben has an app, mail, a number that he did not turn on, and recovery codes; of these a link leaves the app and the codes."""
    app_of(ben)
    mailbox_of(ben)
    paper_of(ben)
    with_number(User.objects.get(pk=ben.pk), address=True)
    door.forgotten(BEN)
    door.use(post.link(BEN))
    for way in ("email", "radius", "webservice:app", "webservice", "passkey", "sms", ""):
        assert door.take("method", method=way).step != "code", way
    assert door.take("change-password", new_password="five apples on a shelf 3").step != "done"
    assert not door.is_in()
    assert door.take("method", method="totp").step == "code"

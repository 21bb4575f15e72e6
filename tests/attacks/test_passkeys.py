"""Passkeys that must not count: signed elsewhere, for somebody else, before, twice, or by whom nobody lets in."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.limits import NETWORK
from accounts.models import Session, User
from audit.models import AuditEvent
from audit.record import Origin
from core.db import unit
from login.models import Attempt
from tenants.models import Company
from tests import cast
from tests.attacks.parallel import at_once
from tests.journeys.doors import ApiDoor, Door, WebDoor
from tests.journeys.passkeys import (
    ORIGIN,
    begin_by_passkey,
    device_of,
    given_passkey,
    options_at,
    show,
    to_second_proof,
)
from tests.journeys.stage import PASSWORD, configure
from tests.services.authenticator import Authenticator, written
from twofactor.models import Challenge, Factor
from twofactor.services.factors import reset_factors

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
BEN = "ben@acme.example"
OVER = {"ended", "username"}


@pytest.fixture(autouse=True)
def named(settings: Settings) -> None:
    """The portal has a name."""
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def device(named: None) -> Authenticator:
    """Ben's."""
    return device_of()


def reason() -> str:
    event = AuditEvent.objects.filter(event="login:code:refused").order_by("-pk").first()
    assert event is not None
    return str(event.details["reason"])


# --- a credential for somebody else


def test_with_a_name_alone_nobody_adds_one(door: Door, ben: User, device: Authenticator) -> None:
    """The first credential of an account, given by somebody who knows no more than its name."""
    door.begin(BEN)
    options = {"challenge": "", "excludeCredentials": [], "rp": {"id": "portal.example.com"}}
    made = device.create(options | {"user": {"id": written(ben.uid.bytes)}})
    assert show(door, made).refused
    if isinstance(door, ApiDoor):
        for path in ("/api/v1/me/passkeys/", "/api/v1/me/passkeys/confirm/"):
            assert door.post(path, {"credential": made}, bearer=door.handle).status == 401
    else:
        assert isinstance(door, WebDoor)
        door.post("/account/security/passkeys/add/", credential="{}")
        assert door.said().step == "username"
    assert not Factor.objects.exists()
    assert not Challenge.objects.exists()


def test_a_passkey_is_no_proof_before_the_password(door: Door, ben: User, device: Authenticator) -> None:
    given_passkey(ben, device)
    said = begin_by_passkey(door)
    credential = device.get(options_at(door))
    assert said.step == "passkey"
    other = door.stranger()
    other.begin(BEN)
    assert show(other, credential).refused
    assert not other.is_in()


# --- signed somewhere else, for something else, or before


LIES: dict[str, dict[str, Any]] = {
    "of another origin": {"origin": "https://portal.example.com.evil.example"},
    "in clear": {"origin": "http://portal.example.com"},
    "for another host": {"rp_id": "evil.example"},
    "in a frame": {"cross_origin": True},
    "in a frame that it names": {"client_data": {"topOrigin": "https://evil.example"}},
    "as a new one": {"type": "webauthn.create"},
    "for no challenge": {"challenge": ""},
    "for an invented challenge": {"challenge": written(b"x" * 32)},
    "for somebody else": {"user_handle": b"y" * 16},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside a password"])
def test_what_was_signed_somewhere_else_is_refused(
    door: Door, ben: User, device: Authenticator, lie: dict[str, Any], alone: bool
) -> None:
    given_passkey(ben, device)
    if alone:
        begin_by_passkey(door)
    else:
        to_second_proof(door, ben)
    options = options_at(door)
    said = show(door, device.get(options, **lie))
    assert (said.refused, said.step) == (True, "passkey")
    assert "was not accepted" in said.text
    assert not door.is_in()
    assert show(door, device.get(options)).step == "done"  # and the right one still counts


def test_alone_the_passkey_must_say_whose_it_is_and_beside_a_password_not(
    door: Door, ben: User, device: Authenticator
) -> None:
    """Older keys do not say it, and are found by the name that was typed."""
    given_passkey(ben, device)
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door), user_handle=None)).refused
    other = door.stranger()
    to_second_proof(other, ben)
    assert show(other, device.get(options_at(other), user_handle=None)).step == "done"


def test_the_signature_of_another_key_is_refused(door: Door, ben: User, device: Authenticator) -> None:
    given_passkey(ben, device)
    begin_by_passkey(door)
    options = options_at(door)
    forger = device_of()
    given = forger.create(
        {
            "user": {"id": written(ben.uid.bytes)},
            "excludeCredentials": [],
            "challenge": "",
            "rp": {"id": "portal.example.com"},
        },
        credential_id=device.passkeys[0].credential_id,
    )
    assert given["id"] == written(device.passkeys[0].credential_id)
    assert show(door, forger.get(options)).refused
    assert reason() == "malformed or not signed"


def test_alone_the_device_must_know_its_owner_and_beside_a_password_not(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    device.verifies = False
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door))).refused
    assert reason() == "not verified"
    assert Attempt.objects.get().user is None
    other = door.stranger()
    to_second_proof(other, ben)
    assert show(other, device.get(options_at(other))).step == "done"


def test_what_was_signed_is_good_once_and_in_one_sign_in(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    begin_by_passkey(door)
    used = device.get(options_at(door))
    assert show(door, used).step == "done"
    other = door.stranger()
    begin_by_passkey(other)
    assert show(other, used).refused
    third = door.stranger()
    to_second_proof(third, ben)
    assert show(third, used).refused
    assert Session.objects.count() == 1


def test_what_was_signed_beside_a_password_is_nothing_alone_in_another_sign_in(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    to_second_proof(door, ben)
    unused = device.get(options_at(door))
    other = door.stranger()
    begin_by_passkey(other)
    assert show(other, unused).refused
    assert not other.is_in()


def test_the_passkey_of_somebody_else_is_no_second_proof(
    door: Door, ben: User, ada: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    adas = device_of()
    given_passkey(ada, adas)
    to_second_proof(door, ben)
    options = options_at(door) | {"allowCredentials": []}
    assert show(door, adas.get(options)).refused
    assert show(door, adas.get(options, user_handle=ben.uid.bytes)).refused
    assert reason() == "unknown passkey"
    assert not door.is_in()


def test_a_question_for_a_new_passkey_is_none_for_signing_in(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    api = ApiDoor()
    to_second_proof(api, ben)
    show(api, device.get(options_at(api)))
    api.post("/api/v1/me/passkeys/", {}, bearer=api.access)
    challenge = api.body["options"]["challenge"]
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door), challenge=challenge)).refused
    assert reason() == "challenge"


def test_a_count_that_goes_back_is_refused_and_written_down(
    door: Door, ben: User, device: Authenticator
) -> None:
    factor = given_passkey(ben, device)
    Factor.objects.filter(pk=factor.pk).update(sign_count=7)
    begin_by_passkey(door)
    for count in (6, 7, 0):
        assert show(door, device.get(options_at(door), count=count)).refused
        assert reason() == "sign count"
    assert show(door, device.get(options_at(door), count=8)).step == "done"
    factor.refresh_from_db()
    assert (factor.sign_count, factor.last_used_at is not None) == (8, True)


def test_the_passkey_of_somebody_else_confirms_nothing(
    door: Door, ben: User, ada: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door))).step == "done"
    adas = device_of()
    given_passkey(ada, adas)
    door.confirm()
    options = options_at(door) | {"allowCredentials": []}
    assert show(door, adas.get(options)).refused
    assert show(door, device.get(options, origin="https://evil.example")).refused
    device.verifies = False
    assert show(door, device.get(options)).refused
    assert Attempt.objects.order_by("-pk")[0].user == ben
    device.verifies = True
    assert show(door, device.get(options)).step == "done"


# --- whom a passkey does not let in


def _refused_like_an_unknown_one(door: Door, device: Authenticator) -> None:
    stranger, unknown = door.stranger(), device_of()
    begin_by_passkey(stranger)
    made = {"user": {"id": written(b"u" * 16)}, "excludeCredentials": [], "challenge": "", "rp": {"id": "x"}}
    unknown.create(made)
    expected = show(stranger, unknown.get(options_at(stranger)))
    begin_by_passkey(door)
    said = show(door, device.get(options_at(door)))
    assert (said.status, said.step, said.refused) == (expected.status, "passkey", True)
    assert said.text == expected.text
    assert not door.is_in()
    assert not Session.objects.exists()
    assert set(Attempt.objects.values_list("user", flat=True)) == {None}


def test_who_is_locked_is_refused_like_nobody(door: Door, ben: User, device: Authenticator) -> None:
    given_passkey(ben, device)
    User.objects.filter(pk=ben.pk).update(locked_at=timezone.now())
    _refused_like_an_unknown_one(door, device)
    assert reason() == "may not sign in"


def test_who_is_disabled_is_refused_like_nobody(door: Door, ben: User, device: Authenticator) -> None:
    given_passkey(ben, device)
    User.objects.filter(pk=ben.pk).update(is_active=False)
    _refused_like_an_unknown_one(door, device)


def test_who_is_of_a_company_that_is_off_is_refused_like_nobody(
    door: Door, ben: User, acme: Company, device: Authenticator
) -> None:
    given_passkey(ben, device)
    Company.objects.filter(pk=acme.pk).update(is_active=False)
    _refused_like_an_unknown_one(door, device)


def test_who_was_away_for_too_long_is_locked_and_refused_like_nobody(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    configure(**{"Login.Security.Strict": True, "security-authentication-rules.account-expiration": 30})
    long_ago = timezone.now() - timedelta(days=31)
    User.objects.filter(pk=ben.pk).update(created_at=long_ago, last_login=long_ago)
    _refused_like_an_unknown_one(door, device)
    ben.refresh_from_db()
    assert ben.locked_at is not None


def test_an_external_person_needs_the_directory(door: Door, acme: Company, device: Authenticator) -> None:
    user = cast.person("erik@acme.example", company=acme, role=cast.MEMBER, realm="external")
    given_passkey(user, device)
    _refused_like_an_unknown_one(door, device)
    assert reason() == "kept in a directory"


def test_a_passkey_that_is_removed_while_the_sign_in_is_under_way_is_refused(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    begin_by_passkey(door)
    alone = device.get(options_at(door))
    other = door.stranger()
    to_second_proof(other, ben)
    beside = device.get(options_at(other))
    with unit():
        user = User.objects.get(pk=ben.pk)
        reset_factors(user, sentence="factors_reset", to=[], origin=Origin(actor=ben), now=timezone.now())
    assert show(door, alone).refused
    assert show(other, beside).step in OVER
    assert not Session.objects.exists()


def test_who_is_locked_between_signing_and_sending_gets_no_session(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    to_second_proof(door, ben)
    signed = device.get(options_at(door))
    User.objects.filter(pk=ben.pk).update(locked_at=timezone.now())
    assert show(door, signed).step in OVER
    assert not Session.objects.exists()


# --- limits, and what is no answer at all


def test_a_question_is_answered_wrongly_five_times_at_most(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    begin_by_passkey(door)
    options = options_at(door)
    for _ in range(5):
        assert show(door, device.get(options, origin="https://evil.example")).step == "passkey"
    assert show(door, device.get(options)).step in OVER
    assert not door.is_in()


def test_passkeys_that_do_not_hold_are_counted_by_the_network(
    door: Door, ben: User, device: Authenticator
) -> None:
    given_passkey(ben, device)
    tries = 0
    for _ in range(NETWORK.tries // 5):
        begin_by_passkey(door)
        options = options_at(door)
        for _ in range(5):
            show(door, device.get(options, origin="https://evil.example"))
            tries += 1
    assert tries == NETWORK.tries
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door))).status == 429
    assert not door.is_in()


@pytest.mark.parametrize(
    "step", ["method", "resend", "code", "password", "enrol", "change-password", "challenge"]
)
def test_nothing_else_is_in_turn_before_the_passkey(door: Door, ben: User, step: str) -> None:
    begin_by_passkey(door)
    said = door.take(step, method="email", code="000000", password=PASSWORD)
    assert said.step == "passkey"
    assert said.status in {200, 409}
    assert not door.is_in()


# --- at once


@pytest.mark.django_db(transaction=True)
def test_one_answer_sent_many_times_at_once_signs_in_once(ben: User, device: Authenticator) -> None:
    given_passkey(ben, device)
    begun = ApiDoor()
    begin_by_passkey(begun)
    credential = device.get(options_at(begun))

    def send(_number: int) -> str:
        door = ApiDoor()
        door.handle = begun.handle
        return show(door, credential).step

    assert at_once(send, times=5).count("done") == 1
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_copies_of_one_key_with_one_count_one_gets_in(ben: User) -> None:
    device = device_of()
    given_passkey(ben, device)
    begun = [ApiDoor(), ApiDoor()]
    for door in begun:
        begin_by_passkey(door)
    answers = [device.get(options_at(door), count=1) for door in begun]
    assert at_once(lambda number: show(begun[number], answers[number]).step, times=2).count("done") == 1
    assert Session.objects.count() == 1

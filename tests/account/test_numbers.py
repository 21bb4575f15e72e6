"""The own phone number: it counts only after a code sent to it came back, and the old number and the address are told."""

import pytest

from accounts.models import User
from accounts.names import Realm
from audit.events import Event
from audit.models import AuditEvent
from core import entropy, epoch
from core.db import unit
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.journeys.texts import NUMBER, OTHER, PHONE, THIRD, Texts, ask, bring, with_number
from twofactor.models import Challenge

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
BEN, CLEO = "ben@acme.example", "cleo@globex.example"


def test_a_first_number_counts_once_its_code_came_back(
    door: Door, ben: User, texts: Texts, post: Post
) -> None:
    sign_in(door, BEN, PASSWORD)
    assert not ask(door, "+49 151 1234-5678").refused
    code = texts.code(NUMBER)
    assert "verifies this number" in texts.newest(NUMBER)
    ben.refresh_from_db()
    assert (ben.phone, ben.phone_verified_at) == ("", None)  # not before
    assert not bring(door, code).refused
    ben.refresh_from_db()
    assert ben.phone == NUMBER
    assert ben.phone_verified_at
    assert "phone number of your account was changed" in post.newest(BEN)
    assert len(texts.to(NUMBER)) == 1  # there was no old one
    noted = AuditEvent.objects.get(event=Event.CONTACT_CHANGED)
    assert noted.details["kind"] == "sms"
    assert NUMBER not in str(noted.details)


@pytest.mark.django_db(transaction=True)  # texts and mails are sent side by side, over two connections
def test_of_a_new_number_the_old_one_and_the_address_are_told_and_other_sessions_end(
    door: Door, ben: User, texts: Texts, post: Post
) -> None:
    with_number(ben, address=True)
    configure(TwoFactor__Policy="off")
    sign_in(door, BEN, PASSWORD)
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    version = User.objects.get(pk=ben.pk).security_version
    ask(door, OTHER)
    assert not bring(door, texts.code(OTHER)).refused
    assert "the old one no longer counts" in texts.newest(NUMBER)
    assert "the old one no longer counts" in post.newest(BEN)
    assert len(texts.to(OTHER)) == 1
    assert door.is_in()
    assert not other.is_in()
    ben.refresh_from_db()
    assert ben.security_version > version  # remembered browsers and sign-ins under way are void


def test_the_own_number_is_verified_without_telling_anybody(
    web: WebDoor, ben: User, texts: Texts, post: Post
) -> None:
    ben.phone = NUMBER
    ben.save()
    sign_in(web, BEN, PASSWORD)
    form = web.open("/account/contacts/").form_to(f"{PHONE}resend/")
    assert form is not None
    web.send(form)
    bring(web, texts.code(NUMBER))
    assert f"{NUMBER} is verified" in web.page.text
    assert post.to(BEN) == []
    assert len(texts.to(NUMBER)) == 1
    assert AuditEvent.objects.get(event=Event.CONTACT_VERIFIED).details["kind"] == "sms"


def test_a_number_that_somebody_else_has_looks_like_any_other(
    door: Door, ben: User, cleo: User, texts: Texts
) -> None:
    with_number(cleo, OTHER, address=True)
    sign_in(door, BEN, PASSWORD)
    first, second = ask(door, OTHER), texts.code(OTHER)
    assert not first.refused
    assert not bring(door, second).refused
    cleo.refresh_from_db()
    ben.refresh_from_db()
    assert cleo.phone == ben.phone == OTHER
    assert cleo.phone_verified_at


@pytest.mark.parametrize(
    "number",
    [
        "", " ", "0", "49", "+", "++4915112345678", "+49", "015112345678", "004915112345678", "4915112345678", "+0 151 1234567",
        "+49 151 12345678 ext. 5", "+4915112345678;ext=5", "tel:+4915112345678", "call +4915112345678", "+49 151 FLOWERS",
        "+49151123456789012345", "+4915112345678\nBcc: x@y.example", "+4915112345678\x00", "+999123456789", "+1555", "+49 110",
        "ben@acme.example", "+4915112345678,+4915112345679", "' OR 1=1 --", "+4915112345678" + " " * 60 + "1",
        "+٤٩١٥١١٢٣٤٥٦٧٨",
        "\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH DIGIT FOUR}\N{FULLWIDTH DIGIT NINE}15112345678",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_and_nothing_is_sent(
    door: Door, ben: User, texts: Texts, number: str
) -> None:
    sign_in(door, BEN, PASSWORD)
    assert ask(door, number).refused
    assert not Challenge.objects.exists()
    assert texts.twin.requests == []


@pytest.mark.parametrize("number", [None, 5, [], {}, True, ["+4915112345678"], 4915112345678])
def test_what_is_no_text_is_refused(api: ApiDoor, ben: User, texts: Texts, number: object) -> None:
    sign_in(api, BEN, PASSWORD)
    said = api.post("/api/v1/me/phone/", {"phone": number}, bearer=api.access)
    assert (said.status, said.facts["code"]) == (400, "invalid")
    assert "phone" in said.facts["errors"]


@pytest.mark.parametrize(
    "number", ["+49 900 1234567", "+44 909 8790000", "+1 900 5551234", "+49 800 1234567", "+44 8431234567"]
)
def test_numbers_that_their_owner_earns_money_by_get_no_text(
    door: Door, ben: User, texts: Texts, number: str
) -> None:
    sign_in(door, BEN, PASSWORD)
    assert ask(door, number).refused
    assert texts.twin.requests == []


def test_a_wrong_late_or_used_code_changes_nothing(door: Door, ben: User, texts: Texts, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    ask(door, NUMBER)
    code = texts.code(NUMBER)
    assert bring(door, "000000" if code != "000000" else "111111").refused
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    assert bring(other, code).refused  # in its session only
    clock.forward(minutes=10)
    assert bring(door, code).refused
    ben.refresh_from_db()
    assert ben.phone == ""


def test_of_address_and_number_the_one_that_was_asked_for_last_waits(
    door: Door, ben: User, texts: Texts, post: Post, clock: Time
) -> None:
    """A code for the one does not verify the other."""
    sign_in(door, BEN, PASSWORD)
    ask(door, NUMBER)
    by_text = texts.code(NUMBER)
    if isinstance(door, ApiDoor):
        door.post("/api/v1/me/email/", {"email": "ben.brandt@acme.example"}, bearer=door.access)
    else:
        assert isinstance(door, WebDoor)
        door.post("/account/contacts/email/", email="ben.brandt@acme.example")
    by_mail = post.code("ben.brandt@acme.example")
    assert bring(door, by_text).refused
    assert bring(door, by_mail).refused
    ben.refresh_from_db()
    assert (ben.phone, ben.email) == ("", BEN)


def test_no_more_than_so_many_codes_an_hour_and_a_pause_between(
    door: Door, ben: User, texts: Texts, clock: Time
) -> None:
    sign_in(door, BEN, PASSWORD)
    assert not ask(door, NUMBER).refused
    assert ask(door, OTHER).refused
    for number in (OTHER, THIRD):
        clock.forward(seconds=20)
        assert not ask(door, number).refused
    clock.forward(seconds=20)
    assert ask(door, NUMBER).refused
    assert Challenge.objects.count() == 3


def test_the_old_number_may_be_kept(web: WebDoor, ben: User, texts: Texts) -> None:
    with_number(ben, address=True)
    configure(TwoFactor__Policy="off")
    sign_in(web, BEN, PASSWORD)
    ask(web, OTHER)
    code = texts.code(OTHER)
    form = web.open("/account/contacts/").form_to(f"{PHONE}cancel/")
    assert form is not None
    web.send(form)
    assert OTHER not in web.page.text
    assert bring(web, code).refused
    ben.refresh_from_db()
    assert ben.phone == NUMBER


def test_it_wants_a_proof_of_late(api: ApiDoor, ben: User, texts: Texts, clock: Time) -> None:
    sign_in(api, BEN, PASSWORD)
    clock.forward(minutes=11)
    api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh})
    said = ask(api, NUMBER)
    assert (said.status, said.facts["code"]) == (403, "confirm_first")


def test_the_answer_tells_what_waits(api: ApiDoor, ben: User, texts: Texts) -> None:
    sign_in(api, BEN, PASSWORD)
    told = ask(api, NUMBER).facts
    assert (told["phone"], told["verified_at"], told["pending"]) == ("", None, NUMBER)
    assert (told["checks_left"], told["sends_left"]) == (5, 2)
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {api.access}"}
    assert api.client.get("/api/v1/me/email/", **bearer).json()["pending"] is None
    told = bring(api, texts.code(NUMBER)).facts
    assert (told["phone"], told["pending"]) == (NUMBER, None)


def test_the_number_of_a_directory_is_kept_there_and_can_be_verified_here(
    door: Door, ben: User, texts: Texts
) -> None:
    sign_in(door, BEN, PASSWORD)
    # As an account of a directory is, for the rule alone; tests/journeys/test_external.py has real ones.
    with unit():
        User.objects.filter(pk=ben.pk).update(realm=Realm.EXTERNAL, phone=NUMBER)
        epoch.bump()
    said = ask(door, OTHER)
    if door.name == "api":
        assert (said.status, said.facts["code"]) == (409, "kept_elsewhere")
    assert texts.to(OTHER) == []
    if isinstance(door, WebDoor):
        door.post(f"{PHONE}resend/")
    else:
        assert not ask(door, NUMBER).refused
    assert not bring(door, texts.code(NUMBER)).refused
    ben.refresh_from_db()
    assert (ben.phone, bool(ben.phone_verified_at)) == (NUMBER, True)


def test_whoever_has_no_mailbox_is_told_by_text(door: Door, ben: User, texts: Texts, post: Post) -> None:
    with_number(ben)
    configure(TwoFactor__Policy="off")
    sign_in(door, BEN, PASSWORD)
    if isinstance(door, ApiDoor):
        given = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert not door.post("/api/v1/me/password/", given, bearer=door.access).refused
    else:
        assert isinstance(door, WebDoor)
        door.post("/account/password/", current_password=PASSWORD, new_password=NEW_PASSWORD)
    (told,) = texts.to(NUMBER)
    assert told.startswith("Gatehouse: The password of your account was changed")
    assert len(told) <= 160
    assert post.to(BEN) == []


def test_whoever_has_a_mailbox_is_told_by_mail_alone(
    api: ApiDoor, ben: User, texts: Texts, post: Post
) -> None:
    with_number(ben, address=True)
    configure(TwoFactor__Policy="off")
    sign_in(api, BEN, PASSWORD)
    given = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    api.post("/api/v1/me/password/", given, bearer=api.access)
    assert len(post.to(BEN)) == 1
    assert texts.to(NUMBER) == []


def test_notices_keep_to_the_caps_and_hold_nothing_up(
    api: ApiDoor, ben: User, cleo: User, texts: Texts
) -> None:
    with_number(ben)
    configure(TwoFactor__Policy="off", TextMessages__Countries="AT")
    sign_in(api, BEN, PASSWORD)
    given = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert not api.post("/api/v1/me/password/", given, bearer=api.access).refused
    assert texts.to(NUMBER) == []
    assert AuditEvent.objects.get(event=Event.TEXT_REFUSED).details["cap"] == "countries"


def test_the_code_is_in_no_table(api: ApiDoor, ben: User, texts: Texts) -> None:
    from django.core import serializers

    from delivery.models import Delivery

    sign_in(api, BEN, PASSWORD)
    ask(api, NUMBER)
    (challenge,) = Challenge.objects.all()
    code = entropy.derived_code(purpose="twofactor", id=str(challenge.uid), digits=6)
    assert code == texts.code(NUMBER)
    for rows in (Delivery.objects.all(), Challenge.objects.all(), AuditEvent.objects.all()):
        assert code not in serializers.serialize("json", rows)

"""Codes by text message: the same steps through both doors, the same counters as mails, and the real client of Twilio behind them."""

import pytest

from accounts.models import User
from audit.models import AuditEvent
from configserver import services
from configserver.services.person import PersonDraft
from core.outcomes import Denied
from delivery.models import Delivery
from tenants.models import Company
from tests import directory
from tests.cast import acting
from tests.journeys.doors import Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure
from tests.journeys.texts import NUMBER, OTHER, Texts, ask, with_number
from tests.services.twilio import Fault
from twofactor.models import Challenge

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ADA, BEN, CLEO = "ada@acme.example", "ben@acme.example", "cleo@globex.example"


def test_a_code_to_the_verified_number_lets_in(door: Door, ada: User, texts: Texts) -> None:
    with_number(ada)
    said = sign_in(door, ADA, PASSWORD)
    assert said.step == "code"
    if door.name == "web":
        assert "+49•••78" in said.text
        assert "text message is on its way" in said.text
    else:
        assert (said.facts["sent_to"], said.facts["method"]["kind"]) == ("+49•••78", "sms")
    assert NUMBER not in str(said)
    assert door.take("code", code=texts.code(NUMBER)).step == "done"
    assert door.is_in()


def test_whoever_has_both_chooses_and_sees_no_whole_address(
    door: Door, ada: User, texts: Texts, post: Post
) -> None:
    with_number(ada, address=True)
    said = sign_in(door, ADA, PASSWORD)
    assert said.step == "method"
    shown = said.text if door.name == "web" else str(said.facts["methods"])
    assert "a•••@acme.example" in shown
    assert "+49•••78" in shown
    assert NUMBER not in str(said)
    assert not Delivery.objects.exists()  # nothing is sent before the choice
    assert door.take("method", method="sms").step == "code"
    assert len(texts.to(NUMBER)) == 1
    assert post.to(ADA) == []
    assert door.take("code", code=texts.code(NUMBER)).step == "done"


def test_a_choice_can_be_changed_and_the_code_of_before_is_dead(
    door: Door, ada: User, texts: Texts, post: Post
) -> None:
    with_number(ada, address=True)
    sign_in(door, ADA, PASSWORD)
    door.take("method", method="sms")
    by_text = texts.code(NUMBER)
    assert door.take("method", method="email").step == "code"
    assert door.take("code", code=by_text).refused
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_another_code_comes_after_a_while_and_alone_is_good(
    door: Door, ada: User, texts: Texts, clock: Time
) -> None:
    with_number(ada)
    sign_in(door, ADA, PASSWORD)
    first = texts.code(NUMBER)
    assert "Please wait 15 seconds" in door.take("resend").text
    clock.forward(seconds=16)
    door.take("resend")
    second = texts.code(NUMBER)
    assert len(texts.to(NUMBER)) == 2
    assert door.take("code", code=first).refused
    assert door.take("code", code=second).step == "done"


def test_mails_and_texts_are_counted_together(
    door: Door, ada: User, texts: Texts, post: Post, clock: Time
) -> None:
    with_number(ada, address=True)
    sign_in(door, ADA, PASSWORD)
    for way in ("sms", "email", "sms"):
        assert door.take("method", method=way).step == "code"
        texts.to(NUMBER)  # a code that waits is taken back when the next one is asked for
        clock.forward(seconds=16)
    assert door.take("method", method="email").step == "ended"
    assert len(texts.to(NUMBER)) + len(post.to(ADA)) == 3


def test_a_code_is_checked_so_often_and_no_more(door: Door, ada: User, texts: Texts) -> None:
    with_number(ada)
    sign_in(door, ADA, PASSWORD)
    code = texts.code(NUMBER)
    for _ in range(5):
        assert door.take("code", code="000000" if code != "000000" else "111111").refused
    assert door.take("code", code=code).step == "ended"
    assert not door.is_in()


def test_nobody_without_the_number_can_choose_it(
    door: Door, ada: User, cleo: User, texts: Texts, post: Post
) -> None:
    with_number(cleo)
    sign_in(door, ADA, PASSWORD)
    assert door.take("method", method="sms").refused
    assert texts.to(NUMBER) == []


def test_a_number_that_is_not_verified_gets_no_code(door: Door, ada: User, texts: Texts, post: Post) -> None:
    ada.phone = NUMBER
    ada.save()
    assert sign_in(door, ADA, PASSWORD).step == "code"
    assert texts.to(NUMBER) == []
    assert len(post.to(ADA)) == 1


def test_whoever_has_no_way_yet_may_verify_the_number_at_sign_in(door: Door, ada: User, texts: Texts) -> None:
    ada.phone, ada.email_verified_at = NUMBER, None
    ada.save()
    assert sign_in(door, ADA, PASSWORD).step == "enrol"
    assert door.take("enrol", kind="sms", value=OTHER).refused  # not one that the password's thief chooses
    assert not door.take("enrol", kind="sms", value=NUMBER).refused
    assert texts.to(OTHER) == []
    assert door.take("enrol", kind="sms", code=texts.code(NUMBER)).step == "done"
    ada.refresh_from_db()
    assert ada.phone_verified_at
    assert ada.factor_kinds == ",sms,"


@pytest.mark.django_db(transaction=True)  # texts and mails are sent side by side, over two connections
def test_a_number_that_an_administrator_took_away_or_changed_is_no_way_any_more(
    door: Door, ada: User, root: User, texts: Texts, clock: Time
) -> None:
    from accounts.people import UserDraft, change_user

    with_number(ada, address=True)
    sign_in(door, ADA, PASSWORD)
    under_way = door.take("method", method="sms")
    assert under_way.step == "code"
    code = texts.code(NUMBER)
    for number in (OTHER, ""):
        change_user(ada, UserDraft(phone=number), by=acting(root), now=clock())
        ada.refresh_from_db()
        assert ada.phone_verified_at is None
        other = door.stranger()
        assert sign_in(other, ADA, PASSWORD).step == "code"  # by mail, without a choice
        clock.forward(seconds=16)
    assert door.take("code", code=code).refused  # what was under way is void
    assert "your account was changed; the old one no longer counts" in texts.newest(NUMBER)
    assert texts.to(OTHER) == []


@pytest.mark.parametrize(
    "fault",
    [Fault(status=429, code=20429), Fault(status=503, code=20503), Fault(delay=2), Fault(status=200, body=b"<html>"), Fault(drops=True)],
    ids=["too many", "busy", "slow", "malformed", "hung up"],
)  # fmt: skip
def test_while_twilio_is_in_trouble_the_page_says_so_and_the_same_code_arrives(
    web: WebDoor, ada: User, texts: Texts, clock: Time, fault: Fault
) -> None:
    with_number(ada)
    sign_in(web, ADA, PASSWORD)
    texts.twin.faults = [fault]
    texts.to(NUMBER)
    before = len(texts.twin.texts)
    assert "text message is late" in web.open("/login/code/").text
    clock.forward(seconds=6)
    assert len(texts.to(NUMBER)) == before + 1
    assert "text message was sent" in web.open("/login/code/").text
    assert web.take("code", code=texts.code(NUMBER)).step == "done"


def test_a_number_that_twilio_refuses_is_told(web: WebDoor, ada: User, texts: Texts) -> None:
    with_number(ada)
    sign_in(web, ADA, PASSWORD)
    texts.twin.faults = [Fault(status=400, code=21614)]
    texts.to(NUMBER)
    assert "could not be delivered" in web.open("/login/code/").text


def test_an_arrival_is_told(door: Door, ada: User, texts: Texts, clock: Time) -> None:
    with_number(ada)
    sign_in(door, ADA, PASSWORD)
    texts.to(NUMBER)
    Delivery.objects.update(delivered_at=clock())
    said = door.take("code", code="12")
    assert said.refused
    assert "has arrived on your phone" in said.text or said.facts.get("delivery") == "delivered"


# --- what they may cost --------------------------------------------------------------------------------------------------


def test_a_number_gets_no_more_than_its_cap_and_the_other_way_stays_open(
    door: Door, ada: User, texts: Texts, post: Post, clock: Time
) -> None:
    with_number(ada, address=True)
    configure(TextMessages__MaxPerNumberDay=2)
    for _ in range(2):
        clock.forward(minutes=15)
        other = door.stranger()
        sign_in(other, ADA, PASSWORD)
        assert other.take("method", method="sms").step == "code"
        texts.to(NUMBER)
    sign_in(door, ADA, PASSWORD)
    said = door.take("method", method="sms")
    assert said.refused
    assert "No further text message can be sent for now" in said.text
    if door.name == "api":
        assert (said.status, said.facts["code"]) == (429, "texts_used_up")
        assert 0 < said.facts["retry_after"] <= 86_400
    assert len(texts.to(NUMBER)) == 2
    noted = AuditEvent.objects.get(event="delivery:text:refused")
    assert (noted.details["cap"], noted.details["country"], noted.subject_uid) == (
        "number",
        "DE",
        str(ada.uid),
    )
    assert door.take("method", method="email").step == "code"
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_with_the_number_alone_the_refusal_is_told_and_the_next_day_it_works(
    door: Door, ada: User, texts: Texts, clock: Time
) -> None:
    with_number(ada)
    configure(TextMessages__MaxPerNumberDay=1)
    sign_in(door.stranger(), ADA, PASSWORD)
    said = sign_in(door, ADA, PASSWORD)
    assert said.refused
    assert "No further text message" in said.text
    assert not door.is_in()
    clock.forward(hours=24)
    later = door.stranger()
    assert sign_in(later, ADA, PASSWORD).step == "code"
    assert later.take("code", code=texts.code(NUMBER)).step == "done"


@pytest.mark.parametrize(("setting", "cap"), [("MaxPerCountryDay", "country"), ("MaxPerDay", "all")])
def test_a_cap_of_all_does_not_use_up_the_number_or_the_person(
    door: Door, ada: User, cleo: User, texts: Texts, clock: Time, setting: str, cap: str
) -> None:
    with_number(ada)
    with_number(cleo, OTHER)
    configure(**{f"TextMessages__{setting}": 1, "TextMessages__MaxPerNumberDay": 1})
    sign_in(door.stranger(), CLEO, PASSWORD)
    for _ in range(3):
        assert sign_in(door.stranger(), ADA, PASSWORD).refused
    assert {one.details["cap"] for one in AuditEvent.objects.filter(event="delivery:text:refused")} == {cap}
    configure(**{f"TextMessages__{setting}": 2})
    assert sign_in(door, ADA, PASSWORD).step == "code"  # hers is whole
    assert door.take("code", code=texts.code(NUMBER)).step == "done"


def test_countries_that_are_not_listed_get_nothing(door: Door, ada: User, texts: Texts) -> None:
    with_number(ada, "+37060112345")
    configure(TextMessages__Countries="DE, AT")
    said = sign_in(door, ADA, PASSWORD)
    assert said.refused
    assert "not sent to this number" in said.text
    configure(TextMessages__Countries="DE, LT")
    assert sign_in(door.stranger(), ADA, PASSWORD).step == "code"
    noted = AuditEvent.objects.get(event="delivery:text:refused")
    assert (noted.details["cap"], noted.details["country"]) == ("countries", "LT")


@pytest.mark.parametrize("listed", ["de", "DE AT", "DEU", "DE,", "D1", "*"])
def test_countries_are_written_as_iso_has_them(db: None, listed: str) -> None:
    with pytest.raises(AssertionError, match="form"):
        configure(TextMessages__Countries=listed)


def test_a_company_cannot_raise_what_the_installation_pays(acme: Company, db: None) -> None:
    with pytest.raises(AssertionError):
        configure(acme, TextMessages__MaxPerDay=10_000)


def test_a_stranger_who_enters_somebodys_number_shuts_nobody_out(
    door: Door, ada: User, ben: User, texts: Texts, post: Post, clock: Time
) -> None:
    """The number's texts for verifying are counted apart from those for signing in."""

    with_number(ada)
    configure(TextMessages__MaxPerNumberDay=2)
    mallory = door.stranger()
    sign_in(mallory, BEN, PASSWORD)
    for _ in range(2):
        assert not ask(mallory, NUMBER).refused
        clock.forward(seconds=20)
    said = ask(mallory, NUMBER)
    assert said.refused
    assert Challenge.objects.filter(user=ben).count() == 2
    assert sign_in(door, ADA, PASSWORD).step == "code"
    assert door.take("code", code=texts.code(NUMBER)).step == "done"


def test_the_number_that_a_directory_keeps_is_verified_here_and_anew_when_it_changes_there(
    door: Door, acme: Company, root: User, texts: Texts, clock: Time
) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer", TwoFactor__Policy="required")
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    dora = directory.person("dora", tenant=tenant, password=PASSWORD, phone="+49 151 1234 5678")
    assert sign_in(door, "dora", PASSWORD).step == "enrol"
    assert not door.take("enrol", kind="sms").refused
    assert door.take("enrol", kind="sms", code=texts.code(NUMBER)).step == "done"
    clock.forward(minutes=1)
    again = door.stranger()
    assert sign_in(again, "dora", PASSWORD).step == "code"
    assert again.take("code", code=texts.code(NUMBER)).step == "done"
    changed = services.change_person(dora, PersonDraft(phone=OTHER), by=acting(root), now=clock())
    assert not isinstance(changed, Denied)
    clock.forward(minutes=1)
    later = door.stranger()
    assert sign_in(later, "dora", PASSWORD).step == "enrol"  # the new number has proved nothing yet
    before = len(texts.to(NUMBER))
    later.take("enrol", kind="sms")
    assert later.take("enrol", kind="sms", code=texts.code(OTHER)).step == "done"
    assert len(texts.to(NUMBER)) == before

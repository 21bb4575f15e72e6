"""A lost second factor is replaced after a waiting time, in which the person is told and can end it (mission T5)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Session, User
from accounts.people import UserDraft, change_user, lock_user, set_password
from accounts.texts import Use, caps_on
from audit.models import AuditEvent
from audit.record import Origin
from core.db import unit
from core.throttle import take_all_or_none
from delivery.models import Delivery
from delivery.render import parcel_of
from delivery.tasks import drain
from tenants.models import Company, Role
from tests import cast
from tests.cast import Api
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.passkeys import ORIGIN, begin_by_passkey, device_of, given_passkey, options_at, show
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.journeys.test_settings_of_the_factor import ADA, BEN
from tests.parallel import in_parallel
from tests.services.smtp import code_in
from twofactor.housekeeping import prune
from twofactor.models import Factor, FactorKind, Recovery
from twofactor.services.lost import _lapse, end_recovery, is_due, keep_waits, recovery_of, use_recovery

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
WAIT = timedelta(hours=72)


def lose(user: User) -> None:
    """An app, of which nobody has the phone any more."""
    now = timezone.now() - timedelta(days=3)
    Factor.objects.create(user=user, kind=FactorKind.TOTP, created_at=now, confirmed_at=now)
    User.objects.filter(pk=user.pk).update(factor_kinds=",totp,")


@pytest.fixture
def asked(door: Door, ben: User) -> Recovery:
    """Ben has lost his app, and said so."""
    lose(ben)
    assert sign_in(door, BEN, PASSWORD).step == "code"
    said = door.take("lost")
    assert not said.refused, said
    return Recovery.objects.get()


def events(*names: str) -> list[str]:
    wanted = [f"twofactor:recovery:{one}" for one in names or ("asked", "ended", "used")]
    return list(AuditEvent.objects.filter(event__in=wanted).order_by("id").values_list("event", flat=True))


def link_in(mail: str) -> str:
    found = re.search(r"https?://\S+/login/recovery/(\S+)/", mail)
    assert found, mail
    return found[1]


def sent(address: str) -> str:
    """The mail with the newest code, whatever notices came after it."""
    drain()
    row = Delivery.objects.filter(template="code", to=address).order_by("-id").first()
    assert row is not None
    return parcel_of(row, at=timezone.now()).text


def press(door: Door, token: str) -> bool:
    """End it by the mailed link; whether there was something to end."""
    if isinstance(door, ApiDoor):
        return door.post("/api/v1/login/recovery/end/", {"token": token}).status == 204
    assert isinstance(door, WebDoor)
    path = f"/login/recovery/{token}/"
    page = door.open(path)
    if door.answer.status_code != 200:
        return False
    door.send(page.forms[-1])
    return door.answer.status_code == 200


# --- the story


def test_after_the_wait_a_mailed_code_stands_for_the_lost_factor_once(
    door: Door, ben: User, asked: Recovery, post: Post, clock: Time
) -> None:
    assert asked.due_at == asked.asked_at + WAIT
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"  # of the app: nothing has changed yet
    elsewhere = Session.objects.filter(user=ben)
    clock.forward(hours=71, minutes=59)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"
    clock.forward(minutes=1)
    later = door.stranger()
    assert sign_in(later, BEN, PASSWORD).step == "method"
    later.take("method", method="email")
    said = later.take("code", code=post.code(BEN))
    assert said.step == "done", said
    assert later.is_in()
    ben.refresh_from_db()
    assert (ben.factor_kinds, ben.recovery_due_at) == ("", None)
    assert not Factor.objects.filter(user=ben).exists()
    assert not Recovery.objects.exists()
    assert elsewhere.filter(ended_at=None).count() == 1
    assert events() == ["twofactor:recovery:asked", "twofactor:recovery:used"]
    told = [one.context["sentence"] for one in Delivery.objects.filter(template="notice").order_by("id")]
    assert "second factor is lost" in told[0]
    assert "Every second factor of your account was turned off" in told[-1]
    # Policy `optional`, and nothing is turned on.
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"


def test_the_link_of_the_mail_ends_it(
    door: Door, ben: User, asked: Recovery, post: Post, clock: Time
) -> None:
    token = link_in(post.newest(BEN))
    stranger = door.stranger()
    if isinstance(stranger, WebDoor):
        stranger.open(f"/login/recovery/{token}/")  # as a mail scanner does
        assert "Keep your second factor?" in stranger.page.text
    assert Recovery.objects.exists()
    assert press(stranger, token)
    assert not Recovery.objects.exists()
    assert not press(stranger, token)  # twice
    assert events("ended") == ["twofactor:recovery:ended"]
    clock.forward(hours=73)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"
    assert "somebody" in post.newest(BEN).lower()


def test_signing_in_with_the_factor_ends_it(door: Door, ben: User, clock: Time, post: Post) -> None:
    configure(TwoFactor__PhoneField="phone")
    User.objects.filter(pk=ben.pk).update(phone="+493012345678", phone_verified_at=timezone.now())
    now = timezone.now() - timedelta(days=1)
    Factor.objects.create(user=ben, kind=FactorKind.EMAIL, created_at=now, confirmed_at=now)
    User.objects.filter(pk=ben.pk).update(factor_kinds=",email,")
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert not door.take("lost").refused
    clock.forward(minutes=1)
    found = door.stranger()
    assert sign_in(found, BEN, PASSWORD).step == "code"
    said = found.take("code", code=code_in(sent(BEN)))
    assert said.step == "done", said
    assert not Recovery.objects.exists()
    assert AuditEvent.objects.get(event="twofactor:recovery:ended").details["reason"] == "factor_given"


def test_reminded_once_when_it_is_due_and_forgotten_after_a_week(
    ben: User, asked: Recovery, post: Post, clock: Time
) -> None:
    before = len(post.to(BEN))
    prune(now=clock())
    assert len(post.to(BEN)) == before
    clock.forward(hours=72)
    prune(now=clock())
    prune(now=clock())
    mails = post.to(BEN)
    assert len(mails) == before + 1
    assert recovery_of(link_in(post.newest(BEN)), now=clock()) == asked
    clock.forward(days=7)
    ben.refresh_from_db()
    assert not is_due(ben, now=clock())
    prune(now=clock())
    ben.refresh_from_db()
    assert ben.recovery_due_at is None
    assert not Recovery.objects.exists()


def test_without_the_clock_it_ends_all_the_same(door: Door, asked: Recovery, clock: Time) -> None:
    clock.forward(hours=72, days=7)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"


def test_the_page_says_how_it_stands(ben: User, clock: Time) -> None:
    lose(ben)
    door = WebDoor()
    sign_in(door, BEN, PASSWORD)
    assert "I have lost it" in door.page.text
    page = door.open("/login/lost/")
    assert "72 hours" in page.text
    assert not Recovery.objects.exists()  # by looking, nothing begins
    door.take("lost")
    assert "on, sign in again" in door.page.text
    clock.forward(hours=72)
    sign_in(door, BEN, PASSWORD)
    assert "stands for your second factor, once" in door.open("/login/lost/").text


def test_the_api_says_when(ben: User) -> None:
    lose(ben)
    door = ApiDoor()
    assert sign_in(door, BEN, PASSWORD).facts["recovery_due_at"] is None
    assert door.take("lost").facts["recovery_due_at"] == Recovery.objects.get().due_at.isoformat()


# --- what it is bounded by


def test_asked_again_it_comes_neither_sooner_nor_later(door: Door, asked: Recovery, clock: Time) -> None:
    clock.forward(hours=10)
    again = door.stranger()
    sign_in(again, BEN, PASSWORD)
    again.take("lost")
    assert Recovery.objects.get().due_at == asked.due_at
    assert Delivery.objects.filter(template="notice").count() == 1


def test_never_for_who_may_open_the_administration(
    door: Door, ada: User, ben: User, root: User, clock: Time
) -> None:
    lose(ada)
    sign_in(door, ADA, PASSWORD)
    said = door.take("lost")
    assert said.refused or "two other administrators" in said.text, said
    assert not Recovery.objects.exists()


def test_nor_for_who_became_one_meanwhile(
    door: Door, ben: User, asked: Recovery, root: User, clock: Time
) -> None:
    clock.forward(hours=72)
    roles = [Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)]
    assert isinstance(change_user(ben, UserDraft(roles=roles), by=cast.acting(root), now=clock()), User)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"


def test_nor_for_who_has_no_other_address(door: Door, ben: User) -> None:
    lose(ben)
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    sign_in(door, BEN, PASSWORD)
    door.take("lost")
    assert not Recovery.objects.exists()


def test_switched_off_there_is_none_also_for_who_waits(
    door: Door, ben: User, asked: Recovery, clock: Time
) -> None:
    configure(TwoFactor__RecoveryWaitHours=0)
    clock.forward(hours=72)
    again = door.stranger()
    assert sign_in(again, BEN, PASSWORD).step == "code"
    again.take("lost")
    assert events() == ["twofactor:recovery:asked"]
    keep_waits(now=timezone.now())
    assert not Recovery.objects.exists()  # so that nobody is counted as waiting
    assert events() == ["twofactor:recovery:asked", "twofactor:recovery:ended"]


@pytest.mark.parametrize("step", ["password", "nothing"])
def test_not_before_the_first_proof(door: Door, ben: User, step: str) -> None:
    lose(ben)
    door.begin(BEN)
    door.take("lost")
    if step == "password":
        door.take("password", password="wrong words of somebody 1")
        door.take("lost")
    assert not Recovery.objects.exists()


def test_not_by_a_mailed_link(door: Door, ben: User, post: Post) -> None:
    lose(ben)
    door.magic(BEN)
    door.use(post.link(BEN))
    door.take("lost")
    assert not Recovery.objects.exists()


def test_nor_while_confirming(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    lose(ben)
    assert door.confirm().step == "password"
    assert door.take("password", password=PASSWORD).step == "code"
    door.take("lost")
    assert not Recovery.objects.exists()


def test_signing_in_by_passkey_alone_ends_it(door: Door, ben: User, settings: Settings, clock: Time) -> None:
    settings.PUBLIC_URL = ORIGIN
    device = device_of()
    given_passkey(ben, device)
    sign_in(door, BEN, PASSWORD)
    assert not door.take("lost").refused
    owner = door.stranger()
    begin_by_passkey(owner)
    assert show(owner, device.get(options_at(owner))).step == "done"
    assert not Recovery.objects.exists()
    clock.forward(hours=72)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "passkey"


def test_not_where_nobody_could_be_told(door: Door, ben: User, clock: Time) -> None:
    lose(ben)
    number = "+493012345678"
    told = {"email_verified_at": None, "phone": number, "phone_verified_at": timezone.now()}
    User.objects.filter(pk=ben.pk).update(**told)
    for _time in range(60):
        with unit():
            take_all_or_none(caps_on(number, use=Use.NOTICE), now=clock())
    sign_in(door, BEN, PASSWORD)
    door.take("lost")
    ben.refresh_from_db()
    assert not Recovery.objects.exists()
    assert ben.recovery_due_at is None


def test_nobody_is_told_of_what_is_possible_no_more(
    ben: User, asked: Recovery, post: Post, clock: Time
) -> None:
    before = len(post.to(BEN))
    configure(TwoFactor__RecoveryWaitHours=0)
    clock.forward(hours=72)
    prune(now=clock())
    assert len(post.to(BEN)) == before
    door = ApiDoor()
    assert sign_in(door, BEN, PASSWORD).facts["recovery_due_at"] is None


def test_what_was_asked_anew_is_not_taken_for_what_has_lapsed(
    door: Door, ben: User, asked: Recovery, clock: Time
) -> None:
    old = Recovery.objects.select_related("user__company").get()
    clock.forward(days=11)
    again = door.stranger()
    sign_in(again, BEN, PASSWORD)
    again.take("lost")
    assert not _lapse(old, now=clock())
    assert Recovery.objects.exists()
    User.objects.filter(pk=ben.pk).delete()
    assert not _lapse(old, now=clock())


def test_ending_it_takes_nothing_else(ben: User, asked: Recovery, clock: Time, post: Post) -> None:
    before = User.objects.get(pk=ben.pk).security_version
    assert press(ApiDoor(), link_in(post.newest(BEN)))
    assert User.objects.get(pk=ben.pk).security_version == before


@pytest.mark.parametrize("change", ["password", "lock", "number"])
def test_what_voids_it(door: Door, ben: User, asked: Recovery, root: User, clock: Time, change: str) -> None:
    clock.forward(hours=72)
    if change == "lock":
        lock_user(ben, reason="why", by=cast.acting(root), now=clock())
        User.objects.filter(pk=ben.pk).update(locked_at=None)
    elif change == "number":
        change_user(ben, UserDraft(phone="+493012345678", is_active=True), by=cast.acting(root), now=clock())
    else:
        assert set_password(ben, NEW_PASSWORD, must_change=False, by=cast.acting(root), now=clock()) is None
    password = NEW_PASSWORD if change == "password" else PASSWORD
    assert sign_in(door.stranger(), BEN, password).step == "code"


def test_a_code_under_way_is_worth_nothing_once_it_was_ended(
    door: Door, ben: User, asked: Recovery, post: Post, clock: Time
) -> None:
    token = link_in(post.newest(BEN))
    clock.forward(hours=72)
    later = door.stranger()
    sign_in(later, BEN, PASSWORD)
    later.take("method", method="email")
    code = post.code(BEN)
    assert press(door.stranger(), token)
    said = later.take("code", code=code)
    assert said.step != "done", said
    assert not later.is_in()
    assert Factor.objects.filter(user=ben, kind="totp").exists()


def test_three_a_day(door: Door, ben: User, clock: Time) -> None:
    lose(ben)
    for _time in range(4):
        again = door.stranger()
        sign_in(again, BEN, PASSWORD)
        said = again.take("lost")
        ben.refresh_from_db()
        with unit():
            end_recovery(ben, reason="by_link", origin=Origin(), now=clock())
        clock.forward(minutes=1)
    assert said.refused or "wait" in said.text.lower()
    assert events("asked") == ["twofactor:recovery:asked"] * 3


@pytest.mark.parametrize("token", ["", "x", "0" * 32 + "_", f"{'0' * 32}_{'A' * 43}", "a" * 190])
def test_no_other_link_ends_it(door: Door, asked: Recovery, token: str) -> None:
    if token:
        assert not press(door.stranger(), token)
    assert not press(door.stranger(), f"{asked.uid.hex}_{'A' * 43}")
    assert Recovery.objects.exists()


def test_the_link_is_nowhere_but_in_the_mail(asked: Recovery, post: Post) -> None:
    token = link_in(post.newest(BEN))
    secret = token.partition("_")[2]
    assert len(secret) == 43
    kept = [*Delivery.objects.values_list("context", "secret"), *AuditEvent.objects.values_list("details")]
    assert secret not in str(kept)


@pytest.mark.django_db(transaction=True)
def test_used_twice_at_once_it_is_used_once(acme: Company, ben: User, clock: Time) -> None:
    lose(ben)
    door = ApiDoor()
    sign_in(door, BEN, PASSWORD)
    door.take("lost")
    clock.forward(hours=72)
    found: list[bool] = []

    def use(_number: int) -> None:
        with unit():
            found.append(use_recovery(User.objects.get(pk=ben.pk), origin=Origin(), now=timezone.now()))

    in_parallel(4, use)
    assert sorted(found) == [False, False, False, True]


# --- administrators


def test_an_administrator_ends_it(ben: User, ada: User, asked: Recovery) -> None:
    shown = Api(ada).get(f"users/{ben.uid}/recovery/").json()
    assert (shown["asked_at"] is not None, shown["address"]) == (True, asked.address)
    found = Api(ada).post(f"users/{ben.uid}/end-recovery/", {})
    assert found.status_code == 204, found.content
    assert set(Api(ada).get(f"users/{ben.uid}/recovery/").json().values()) == {None}
    assert Api(ada).post(f"users/{ben.uid}/end-recovery/", {}).json()["code"] == "nothing_changed"
    assert not Recovery.objects.exists()
    assert AuditEvent.objects.get(event="twofactor:recovery:ended").details["reason"] == "by_administrator"


def test_by_the_administration(ben: User, ada: User, asked: Recovery) -> None:
    browser = cast.browser(ada)
    card = next(one for one in browser.get("/admin/").context["cards"] if one.label == "Lost second factors")
    assert card.value == 1
    listed = browser.get(card.url).context["cl"].result_list
    assert [user.pk for user in listed] == [ben.pk]
    page = browser.get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()
    assert "Said to be lost" in page
    path = reverse("admin:accounts_user_end_recovery", args=[ben.pk])
    assert browser.post(path, {}).status_code == 302
    assert not browser.get(card.url).context["cl"].result_list
    assert not Recovery.objects.exists()


def test_nobody_else_ends_it(ben: User, cleo: User, asked: Recovery) -> None:
    path = f"users/{ben.uid}/end-recovery/"
    answers: list[Any] = [Api(one).post(path, {}).status_code for one in (ben, cleo)]
    assert set(answers) <= {403, 404}
    assert Recovery.objects.exists()


# --- the person, in a session that goes on


def test_the_person_ends_it_in_an_open_session(door: Door, ben: User, clock: Time, post: Post) -> None:
    configure(TwoFactor__Policy="off")
    sign_in(door, BEN, PASSWORD)
    configure(TwoFactor__Policy="optional")
    lose(ben)
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    other.take("lost")
    due = Recovery.objects.get().due_at
    if isinstance(door, ApiDoor):
        assert door.get("/api/v1/me/recovery/").facts["due_at"] == due.isoformat().replace("+00:00", "Z")
        assert door.delete("/api/v1/me/recovery/").status == 204
        assert door.delete("/api/v1/me/recovery/").status == 409
        assert door.get("/api/v1/me/recovery/").facts == {"asked_at": None, "due_at": None, "address": None}
    else:
        assert isinstance(door, WebDoor)
        page = door.open("/account/security/")
        assert "second factor is lost" in page.text
        door.send(next(form for form in page.forms if "keep" in form.action))
        assert "Your second factor stays" in door.page.text
        assert "second factor is lost" not in door.page.text
    assert not Recovery.objects.exists()
    assert AuditEvent.objects.get(event="twofactor:recovery:ended").details["reason"] == "by_owner"


def test_a_temporary_code_is_no_paper_on_the_own_page(ben: User, ada: User) -> None:
    configure(TwoFactor__Policy="off")
    door = WebDoor()
    sign_in(door, BEN, PASSWORD)
    assert Api(ada).post(f"users/{ben.uid}/temporary-code/", {"reason": "came by"}).status_code == 201
    assert "of 10 left" not in door.open("/account/security/").text
    shown = cast.browser(ada).get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()
    assert "Temporary code, until" in shown
    assert "of 10 left" not in shown

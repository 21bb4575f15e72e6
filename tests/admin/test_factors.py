"""The second factor of people, as administrators see it and turn it off."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Browser, Session, User
from audit.events import Event
from audit.models import AuditEvent
from core.db import unit
from delivery.models import Delivery
from tests.cast import Browse
from tests.cast import browser as signed_in
from twofactor.models import Factor, RecoveryCode
from twofactor.services.factors import security_changed

pytestmark = pytest.mark.django_db


def equip(user: User) -> None:
    """Codes by mail, an app, recovery codes of which one is used, and a remembered browser."""
    now = timezone.now()
    for kind in ("email", "totp", "recovery"):
        name = "work phone" if kind == "totp" else ""
        Factor.objects.create(user=user, kind=kind, name=name, created_at=now, confirmed_at=now, digits=6)
    paper = Factor.objects.get(user=user, kind="recovery")
    for number in range(3):
        used = now if not number else None
        RecoveryCode.objects.create(factor=paper, selector="abcd", hash="!", used_at=used)
    with unit():
        security_changed(user)
    Browser.objects.create(
        user=user,
        fingerprint="0" * 64,
        first_seen_at=now,
        last_seen_at=now,
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        remembered_until=now + timedelta(days=3),
        remembered_version=user.security_version,
    )


def page_of(browse: Browse, reader: User, user: User) -> str:
    return str(browse(reader).get(reverse("admin:accounts_user_change", args=[user.pk])).content.decode())


def test_the_page_of_a_person_shows_factors_codes_left_devices_and_policy(
    browser: Browse, ada: User, ben: User
) -> None:
    equip(ben)
    text = page_of(browser, ada, ben)
    for words in (
        "work phone",
        "2 of 10 left",
        "Firefox",
        "Policy for this person: optional",
        "b•••@acme.example",
    ):
        assert words in text
    assert reverse("admin:accounts_user_turn_off_factors", args=[ben.pk]) in text
    assert reverse("admin:accounts_user_forget_devices", args=[ben.pk]) in text


def test_where_there_is_nothing_no_verb_is_offered(browser: Browse, ada: User, ben: User) -> None:
    text = page_of(browser, ada, ben)
    assert "None is turned on." in text
    assert "turn_off_factors" not in text
    assert "forget_devices" not in text


def test_an_administrator_turns_every_factor_off_with_a_reason(browser: Browse, ada: User, ben: User) -> None:
    equip(ben)
    signed_in(ben)
    page, address = browser(ada), reverse("admin:accounts_user_turn_off_factors", args=[ben.pk])
    assert "Reason" in page.get(address).content.decode()
    refused = page.post(address, {"reason": ""})
    assert refused.status_code == 200
    assert Factor.objects.count() == 3
    assert page.post(address, {"reason": "seen in person"}).status_code == 302
    assert not Factor.objects.exists()
    ben.refresh_from_db()
    assert ben.factor_kinds == ""
    assert not Session.objects.filter(user=ben, ended_at=None).exists()
    assert not any(one.is_remembered(user=ben, now=timezone.now()) for one in ben.browsers.all())
    event = AuditEvent.objects.get(event=Event.FACTORS_RESET)
    assert (event.details["reason"], event.details["factors"], event.subject_uid) == (
        "seen in person",
        3,
        str(ben.uid),
    )
    (mail,) = Delivery.objects.filter(to=ben.email)  # one mail, not one for each
    assert "An administrator turned off every second factor" in mail.context["sentence"]


def test_devices_are_forgotten_and_sessions_stay(browser: Browse, ada: User, ben: User) -> None:
    equip(ben)
    signed_in(ben)
    address = reverse("admin:accounts_user_forget_devices", args=[ben.pk])
    assert browser(ada).post(address).status_code == 302
    ben.refresh_from_db()
    assert not any(one.is_remembered(user=ben, now=timezone.now()) for one in ben.browsers.all())
    assert Session.objects.filter(user=ben, ended_at=None).exists()
    assert AuditEvent.objects.filter(event=Event.DEVICE_FORGOTTEN, subject_uid=ben.uid).exists()


@pytest.mark.parametrize("verb", ["turn_off_factors", "forget_devices"])
def test_nobody_touches_who_stands_above_him(browser: Browse, ada: User, root: User, verb: str) -> None:
    User.objects.filter(pk=root.pk).update(company=ada.company)
    root.refresh_from_db()
    equip(root)
    answer = browser(ada).post(
        reverse(f"admin:accounts_user_{verb}", args=[root.pk]), {"reason": "give me the keys"}
    )
    assert answer.status_code in {200, 403, 404}
    assert Factor.objects.filter(user=root).count() == 3
    assert root.browsers.exclude(remembered_until=None).exists()


def test_nobody_turns_his_own_factors_off_here(browser: Browse, ada: User) -> None:
    """Else whoever holds the session for a moment is rid of the second proof, without confirming anything."""
    equip(ada)
    answer = browser(ada).post(
        reverse("admin:accounts_user_turn_off_factors", args=[ada.pk]), {"reason": "mine"}
    )
    assert "only on the pages of your account" in answer.content.decode()
    assert Factor.objects.filter(user=ada).count() == 3


def test_somebody_of_another_company_is_not_there(browser: Browse, ada: User, cleo: User) -> None:
    equip(cleo)
    for verb in ("turn_off_factors", "forget_devices"):
        address = reverse(f"admin:accounts_user_{verb}", args=[cleo.pk])
        assert browser(ada).post(address, {"reason": "x"}).status_code == 404
    assert Factor.objects.filter(user=cleo).count() == 3

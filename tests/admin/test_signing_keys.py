"""Signing keys in the administration: read, rotated, revoked; never what they sign with."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.admin_signing_keys import STANDS_STILL
from accounts.models import SigningKey, User
from accounts.signing_keys import states
from core import epoch
from core.db import unit
from tests.cast import Api, Browse

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/signingkey/"


def _page(key: SigningKey, verb: str = "change") -> str:
    return reverse(f"admin:accounts_signingkey_{verb}", args=[key.pk])


def _standing() -> list[str]:
    found = states(now=timezone.now())
    return [found[number].standing.value for number in sorted(found)]


def _forget_confirmation(user: User) -> None:
    user.sessions.update(confirmed_at=timezone.now() - timedelta(minutes=11))


def test_the_list_says_which_one_signs_and_what_it_has_signed(browser: Browse, root: User, ada: User) -> None:
    Api(ada)
    key = SigningKey.objects.get()
    text = browser(root).get(LIST).content.decode()
    assert "Active" in text
    assert key.kid[:12] in text
    assert "1 token" in text
    assert "until the next key" in text
    assert key.private.text not in text
    assert _page(key, "rotate") in text


def test_its_page_shows_the_public_key_and_what_it_signed(browser: Browse, root: User, ada: User) -> None:
    Api(ada)
    key = SigningKey.objects.get()
    text = browser(root).get(_page(key)).content.decode()
    assert key.kid in text
    assert key.public["x"] in text
    assert key.private.text not in text
    assert "What it has signed" in text
    assert "name=" not in text.partition("<fieldset")[2].partition("</fieldset")[0]  # nothing to change


def test_another_key_signs_once_it_was_asked_for_and_confirmed(browser: Browse, root: User) -> None:
    key, web = SigningKey.objects.get(), browser(root)
    assert "Another key signs from now on" in web.get(_page(key, "rotate")).content.decode()
    assert SigningKey.objects.count() == 1
    answer = web.post(_page(key, "rotate"), follow=True)
    assert "Another key signs now." in answer.content.decode()
    assert _standing() == ["retired", "active"]
    assert _page(key, "rotate") not in web.get(_page(key)).content.decode()


def test_a_key_is_revoked_and_another_one_signs(browser: Browse, root: User) -> None:
    key, web = SigningKey.objects.get(), browser(root)
    web.post(_page(key, "revoke"))
    assert _standing() == ["revoked", "active"]
    text = web.get(_page(key)).content.decode()
    assert "Revoked" in text
    assert _page(key, "revoke") not in text
    again = web.post(_page(key, "revoke"))
    assert again.status_code == 200
    assert "does not hold any more" in again.content.decode()


@pytest.mark.parametrize("verb", ["rotate", "revoke"])
def test_both_want_a_recent_confirmation_and_lead_to_it(verb: str, browser: Browse, root: User) -> None:
    key, web = SigningKey.objects.get(), browser(root)
    _forget_confirmation(root)
    for answer in (web.get(_page(key, verb)), web.post(_page(key, verb))):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login/confirm/?next=%2Fadmin%2Faccounts%2Fsigningkey")
    assert _standing() == ["active"]


def test_a_company_administrator_finds_no_keys(browser: Browse, ada: User) -> None:
    key, web = SigningKey.objects.get(), browser(ada)
    assert web.get(LIST).status_code in {200, 403}
    for verb in ("change", "rotate", "revoke", "history"):
        assert web.get(_page(key, verb)).status_code in {403, 404}
        assert web.post(_page(key, verb)).status_code in {403, 404, 405}
    assert _standing() == ["active"]


def test_a_clock_that_stands_still_is_told_on_the_dashboard_and_in_the_list(
    browser: Browse, root: User, ada: User
) -> None:
    web = browser(root)
    assert str(STANDS_STILL) not in web.get("/admin/").content.decode()
    with unit():
        SigningKey.objects.update(active_from=timezone.now() - timedelta(days=33))
        epoch.bump()
    for path in ("/admin/", LIST):
        assert str(STANDS_STILL) in web.get(path).content.decode(), path
    assert str(STANDS_STILL) not in browser(ada).get("/admin/").content.decode()

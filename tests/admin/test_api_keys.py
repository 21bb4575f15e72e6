"""API keys in the administration."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, Session, User
from audit.models import AuditEvent
from core import epoch
from tests.cast import Browse
from tests.keys import made, program

pytestmark = pytest.mark.django_db
ADD = "/admin/accounts/apikey/add/"
NEW = {"name": "nightly import", "days": "30", "scopes": ["users:read", "sessions:read"]}


def test_a_key_is_made_for_a_person_and_shown_on_the_next_page_alone(
    browser: Browse, ada: User, ben: User
) -> None:
    page = browser(ada)
    answer = page.post(ADD, NEW | {"user": ben.pk})
    assert answer.status_code == 200
    text = answer.content.decode()
    found = re.search(r"gh_key_[\w-]{43}", text)
    assert found, text
    key = ApiKey.objects.get()
    assert (key.session.user, key.made_by_name, key.scopes) == (
        ben,
        ada.username,
        ("users:read", "sessions:read"),
    )
    assert program(found[0]).get("me/").json()["user"]["username"] == ben.username
    for path in ("/admin/accounts/apikey/", reverse("admin:accounts_apikey_change", args=(key.pk,))):
        shown = page.get(path).content.decode()
        assert "nightly import" in shown
        assert found[0] not in shown


def test_without_a_person_it_is_ones_own(browser: Browse, ada: User) -> None:
    assert browser(ada).post(ADD, NEW).status_code == 200
    assert ApiKey.objects.get().session.user == ada


def test_the_form_offers_no_one_elses_people_and_takes_none(browser: Browse, ada: User, cleo: User) -> None:
    answer = browser(ada).post(ADD, NEW | {"user": cleo.pk})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["user"]
    assert not ApiKey.objects.exists()


def test_an_unconfirmed_session_confirms_first(browser: Browse, ada: User) -> None:
    page = browser(ada)
    Session.objects.update(confirmed_at=timezone.now() - timedelta(minutes=11))
    epoch.outrun(epoch.current())
    assert page.get(ADD).headers["Location"].startswith("/login/confirm/")
    answer = page.post(ADD, NEW)
    assert answer.status_code == 403
    assert "/login/confirm/" in answer.content.decode()
    assert 'value="nightly import"' in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_refusal_stands_on_its_field_and_in_the_trail(browser: Browse, ada: User) -> None:
    made(ada, name="nightly import")
    form = browser(ada).post(ADD, NEW).context["adminform"].form
    assert form.errors["name"]
    assert AuditEvent.objects.get(event="portal:change:refused").details["code"] == "name_taken"


def test_a_key_is_renamed_and_revoked(browser: Browse, ada: User, ben: User) -> None:
    key, page = made(ada, user=ben), browser(ada)
    change = reverse("admin:accounts_apikey_change", args=(key.pk,))
    assert page.post(change, {"name": "weekly"}).status_code == 302
    assert ApiKey.objects.get().name == "weekly"
    revoke = reverse("admin:accounts_apikey_revoke", args=(key.pk,))
    assert page.get(revoke).status_code == 200
    assert page.post(revoke).status_code == 302
    assert program(key.secret).get("me/").status_code == 401
    page.get("/admin/accounts/apikey/")  # says once that it was done
    assert "weekly" not in page.get("/admin/accounts/apikey/").content.decode()
    assert "weekly" in page.get("/admin/accounts/apikey/?state=ended").content.decode()


def test_keys_are_found_by_name_person_and_first_characters(browser: Browse, ada: User, ben: User) -> None:
    key, page = made(ada, user=ben, name="nightly import"), browser(ada)
    other = made(ada, name="something else")
    for term in ("nightly", "ben@", key.hint):
        shown = page.get(f"/admin/accounts/apikey/?q={term}").content.decode()
        assert "nightly import" in shown, term
        assert "something else" not in shown or other.hint == key.hint, term

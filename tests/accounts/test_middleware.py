"""The session of a request: by its cookie alone, and stopped where it is locked."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from accounts.middleware import (
    SESSION_COOKIE,
    clear_session_cookie,
    set_browser_cookie,
    set_session_cookie,
)
from accounts.models import Session, SessionKind, User
from accounts.sessions import Client, start_session
from tests.cast import Browse

pytestmark = pytest.mark.django_db
HERE = Client(address="192.0.2.1", user_agent="Test/1.0")


def leave_alone(minutes: int) -> None:
    """Nobody touches any session for so long."""
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=minutes))


def is_in(page: Browser) -> bool:
    return page.get("/account/").status_code == 200


# --- the cookie --------------------------------------------------------------------------------------------------------


def test_the_cookie_stands_for_the_person(browser: Browse, ben: User) -> None:
    response = browser(ben).get("/account/")
    assert response.status_code == 200
    assert response.wsgi_request.principal.user == ben
    assert response.wsgi_request.user == ben


@pytest.mark.parametrize(
    "secret", ["", "x", "gh_session_" + "a" * 43, "x" * 100_000, "é", "\x00", "gh_session_"]
)
def test_a_cookie_that_nobody_has_is_nobodys(browser: Browse, secret: str) -> None:
    stranger = browser()
    stranger.cookies[SESSION_COOKIE] = secret
    response = stranger.get("/account/")
    assert response.status_code == 302
    assert response.wsgi_request.principal is None
    assert not response.wsgi_request.user.is_authenticated


def test_a_fingerprint_or_an_id_is_no_secret(browser: Browse, ben: User) -> None:
    browser(ben)
    session = Session.objects.get()
    for secret in (session.fingerprint, str(session.uid), str(session.pk), str(ben.uid)):
        stranger = browser()
        stranger.cookies[SESSION_COOKIE] = secret
        assert not is_in(stranger)


def test_the_secret_of_a_programs_session_opens_no_page(browser: Browse, ben: User) -> None:
    _session, secret = start_session(
        ben, kind=SessionKind.API, methods=["pwd"], client=HERE, browser=None, now=timezone.now()
    )
    stranger = browser()
    stranger.cookies[SESSION_COOKIE] = secret
    assert not is_in(stranger)


def test_a_session_past_its_end_is_nobodys(browser: Browse, ben: User) -> None:
    page = browser(ben)
    Session.objects.update(expires_at=timezone.now())
    assert not is_in(page)


def test_a_session_opened_before_a_rotation_of_keys_goes_on(
    browser: Browse, ben: User, settings: Settings
) -> None:
    page = browser(ben)
    settings.FIELD_KEYS = f"k2:{'B' * 43}," + settings.FIELD_KEYS
    assert is_in(page)
    settings.FIELD_KEYS = f"k2:{'B' * 43}"
    assert not is_in(page)


def test_the_cookies_are_kept_from_scripts_and_other_sites() -> None:
    response = HttpResponse()
    set_session_cookie(response, "secret")
    set_browser_cookie(response, "token")
    session, browser = response.cookies[SESSION_COOKIE], response.cookies[f"{settings.COOKIE_PREFIX}browser"]
    for cookie in (session, browser):
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
            True,
            "Lax",
            "/",
            "",
        )
        assert bool(cookie["secure"]) is settings.HTTPS
    assert session["max-age"] == ""  # it ends with the browser
    clear_session_cookie(response)
    assert response.cookies[SESSION_COOKIE].value == ""
    assert response.cookies[SESSION_COOKIE]["max-age"] == 0


# --- use ---------------------------------------------------------------------------------------------------------------


def test_a_request_notes_the_use_of_its_session(browser: Browse, ben: User) -> None:
    page = browser(ben)
    leave_alone(5)
    assert is_in(page)
    assert timezone.now() - Session.objects.get().seen_at < timedelta(seconds=30)


def test_a_request_in_the_same_minute_writes_nothing(
    browser: Browse, ben: User, django_assert_max_num_queries: Any
) -> None:
    page = browser(ben)
    page.get("/livez")
    with django_assert_max_num_queries(2) as asked:
        page.get("/livez")
    assert not any(one["sql"].startswith(("UPDATE", "INSERT")) for one in asked.captured_queries)


# --- locked ------------------------------------------------------------------------------------------------------------


def test_a_page_left_alone_asks_for_the_password_and_comes_back(browser: Browse, ben: User) -> None:
    page = browser(ben)
    leave_alone(16)
    response = page.get("/account/?tab=sessions&x=1")
    assert response.status_code == 302
    assert response.url == "/login/confirm/?next=%2Faccount%2F%3Ftab%3Dsessions%26x%3D1"
    assert Session.objects.get().locked_at is not None


def test_whatever_comes_next_stays_locked(browser: Browse, ada: User) -> None:
    page = browser(ada)
    leave_alone(16)
    for url in ("/", "/account/", "/admin/", "/admin/accounts/user/", "/outbox/", "/nowhere/"):
        assert page.get(url).url.startswith("/login/confirm/"), url
        assert page.head(url).status_code == 302
    for url in ("/api/v1/me/", "/api/v1/users/", "/api/nowhere/"):
        for method in ("get", "post", "patch", "delete", "options"):
            response = getattr(page, method)(url)
            assert (response.status_code, response.json()["code"]) == (401, "session_locked"), url
    for method in ("post", "put", "patch", "delete"):
        assert getattr(page, method)("/admin/accounts/user/").status_code == 403


@pytest.mark.parametrize("url", ["/login/confirm/", "/livez", "/readyz"])
def test_what_needs_no_session_stays_open(browser: Browse, ben: User, url: str) -> None:
    page = browser(ben)
    leave_alone(16)
    assert not page.get(url).headers.get("Location", "").startswith("/login/confirm/?next=")


def test_signing_out_of_a_locked_session_works(browser: Browse, ben: User) -> None:
    page = browser(ben)
    leave_alone(16)
    page.post("/logout/")
    assert Session.objects.get().ended_at is not None


def test_what_was_sent_while_locked_is_kept_on_the_page_but_for_secrets(browser: Browse, ada: User) -> None:
    page = browser(ada)
    leave_alone(16)
    sent = {
        "display_name": 'Ben "<script>alert(1)</script>"',
        "roles": ["1", "2"],
        "password": "hunter2hunter2",
        "new_password": "hunter3hunter3",
        "code": "123456",
        "csrfmiddlewaretoken": "hunter4",
    }
    response = page.post("/admin/accounts/user/add/?_popup=1", sent)
    shown = response.content.decode()
    assert response.status_code == 403
    assert 'action="/admin/accounts/user/add/?_popup=1"' in shown
    assert 'name="roles" value="1"' in shown
    assert 'name="roles" value="2"' in shown
    assert "Ben &quot;&lt;script&gt;" in shown
    for secret in ("hunter", "123456"):
        assert secret not in shown
    assert User.objects.count() == 1


def test_what_another_site_made_the_browser_send_is_not_kept(browser: Browse, ada: User) -> None:
    """The page would put our own token beside the foreign fields, and one press of the button would send them."""
    page = browser(ada, enforce_csrf_checks=True)
    leave_alone(16)
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        response = page.post("/admin/accounts/user/add/", {"display_name": "Mallory"}, headers=headers)
        assert response.status_code == 403
        assert "Mallory" not in response.content.decode()

"""H. Links and redirects: our links name our host, we send nobody elsewhere, and nobody signs others in."""

import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client

from accounts.middleware import BROWSER_COOKIE, SESSION_COOKIE
from accounts.models import Session, User
from login.views import ATTEMPT_COOKIE
from tests.attacks.people import ADA, BEN, MALLORY, without_factors
from tests.journeys.doors import ApiDoor, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time

pytestmark = pytest.mark.django_db

EVIL = (
    "//evil.example",
    "///evil.example",
    "////evil.example/x",
    "https://evil.example",
    "http://evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "//127.0.0.1:8000.evil.example",
    "//127.0.0.1:8000@evil.example",
    "http://127.0.0.1:8000@evil.example/",
    "http://127.0.0.1:8000.evil.example/",
    "//evil.example\\@127.0.0.1",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%09/evil.example\t",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "evil.example",
    "/" + "a" * 2_500,
    "/\x00/evil.example",
    "//[::1]:99999",
    "http://[evil",
    "/login/\r\nSet-Cookie: x=y",
)


# --- 29


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "127.0.0.1:8000@evil.example"},
        {"HTTP_HOST": "localhost", "HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_FORWARDED": "host=evil.example;proto=https"},
        {
            "HTTP_X_FORWARDED_HOST": "evil.example",
            "HTTP_X_FORWARDED_PORT": "666",
            "HTTP_X_FORWARDED_PROTO": "https",
        },
        {"HTTP_X_HOST": "evil.example", "HTTP_X_FORWARDED_SERVER": "evil.example"},
        {"HTTP_X_ORIGINAL_URL": "/evil", "HTTP_X_REWRITE_URL": "/evil"},
    ],
)
def test_a_mailed_link_names_our_host_whatever_the_request_says(
    ben: User, post: Post, clock: Time, headers: dict[str, str]
) -> None:
    api = ApiDoor(**headers)
    said = api.forgotten(BEN)
    if said.status == 400:  # a host that is not ours is not served at all
        assert post.to(BEN) == []
        return
    assert said.status == 202
    assert post.link(BEN).startswith(f"{settings.PUBLIC_URL}/login/forgotten/")
    assert all("evil" not in str(mail) for mail in post.to(BEN))


# --- 30


@pytest.mark.parametrize("target", EVIL)
def test_nobody_is_sent_elsewhere_after_signing_in(web: WebDoor, ben: User, target: str) -> None:
    web.open(f"/login/?next={quote(target)}")
    form = next(form for form in web.page.forms if "username" in form.values)
    web.send(form, username=BEN)
    web.take("password", password=PASSWORD)
    places = [answer["Location"] for answer in web.trail if "Location" in answer]
    assert places == ["/"], target
    again = web.browser.get(f"/login/?next={quote(target)}")  # who is signed in goes on at once
    assert again["Location"] == "/"
    confirm = WebDoor()
    for name, cookie in web.browser.cookies.items():
        confirm.browser.cookies[name] = cookie.value
    confirm.open(f"/login/confirm/?next={quote(target)}")
    confirm.take("password", password=PASSWORD)
    assert [answer["Location"] for answer in confirm.trail if "Location" in answer] == ["/"]


def test_pages_of_our_own_are_where_one_goes_on(web: WebDoor, ben: User) -> None:
    for target in ("/account/", "/account/?tab=1&x=%2F", "/account/sessions/#top"):
        one = WebDoor()
        one.open(f"/login/?next={quote(target)}")
        one.send(next(form for form in one.page.forms if "username" in form.values), username=BEN)
        one.take("password", password=PASSWORD)
        assert one.trail[0]["Location"] == target


def test_no_answer_of_the_sign_in_points_elsewhere(web: WebDoor, ben: User) -> None:
    for target in EVIL:
        page = web.open(f"/login/?next={quote(target)}")
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links)
        assert all(not form.action or form.action.startswith("/") for form in page.forms)


# --- 31


def test_another_site_cannot_sign_somebody_in(ben: User, mallory: User) -> None:
    """Sign-in CSRF: the victim would work in Mallory's account and put his data there."""
    victim = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1")
    assert victim.post("/login/", {"username": MALLORY}).status_code == 403
    assert victim.post("/login/password/", {"password": PASSWORD}).status_code == 403
    assert victim.post("/login/forgotten/", {"username": MALLORY}).status_code == 403
    assert victim.post("/logout/").status_code == 403
    assert not Session.objects.exists()


def test_the_json_door_gives_no_cookie_that_signs_in_a_browser(api: ApiDoor, ben: User) -> None:
    sign_in(api, BEN, PASSWORD)
    assert SESSION_COOKIE not in api.client.cookies
    assert api.client.get("/account/").status_code == 302


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
)
def test_the_json_door_takes_nothing_that_a_foreign_form_can_send(ben: User, kind: str) -> None:
    answer = Client(SERVER_NAME="127.0.0.1").post(
        "/api/v1/login/", '{"username": "x@y.example"}', content_type=kind
    )
    assert answer.status_code == 415


def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(
    web: WebDoor, ben: User, mallory: User, post: Post
) -> None:
    planted = "gh_session_" + "A" * 43
    web.browser.cookies[SESSION_COOKIE] = planted
    web.browser.cookies[BROWSER_COOKIE] = "gh_browser_" + "A" * 43
    sign_in(web, BEN, PASSWORD)
    assert web.browser.cookies[SESSION_COOKIE].value != planted
    thief = WebDoor()
    thief.browser.cookies[SESSION_COOKIE] = planted
    assert not thief.is_in()


def test_a_live_session_that_was_planted_gives_its_owner_nothing(
    web: WebDoor, ben: User, mallory: User, post: Post
) -> None:
    hers = WebDoor()
    sign_in(hers, MALLORY, PASSWORD)
    hers.take("code", code=post.code(MALLORY))
    web.browser.cookies[SESSION_COOKIE] = hers.browser.cookies[SESSION_COOKIE].value
    web.leave()
    sign_in(web, BEN, PASSWORD)
    assert web.is_in()
    assert not hers.is_in() or BEN not in hers.open("/account/").text


def test_a_planted_attempt_is_noticed(web: WebDoor, ada: User, mallory: User, post: Post) -> None:
    """Mallory plants the cookie of her own half-finished sign-in in Ada's browser while Ada types."""
    hers = WebDoor()
    hers.begin(MALLORY)
    web.begin(ADA)
    web.browser.cookies[ATTEMPT_COOKIE] = hers.browser.cookies[ATTEMPT_COOKIE].value
    web.take("password", password=PASSWORD)
    assert "another tab" in web.page.text
    assert post.box.mails == []


def test_a_prepared_link_does_not_sign_the_victim_into_mallory_s_account(
    web: WebDoor, mallory: User, ben: User, post: Post
) -> None:
    """The link works in the browser that asked; in another one only with the code of the mail, which the victim does not have."""
    without_factors(mallory)
    hers = WebDoor()
    hers.forgotten(MALLORY)
    assert web.use(post.link(MALLORY)).refused
    assert not web.is_in()


def test_every_rise_in_rights_changes_the_secret(web: WebDoor, ada: User, post: Post) -> None:
    seen = []
    web.begin(ADA)
    seen.append(web.browser.cookies[ATTEMPT_COOKIE].value)
    web.take("password", password=PASSWORD)
    web.take("code", code=post.code(ADA))
    seen.append(web.browser.cookies[SESSION_COOKIE].value)
    assert web.browser.cookies[ATTEMPT_COOKIE].value == ""
    web.confirm()
    web.take("password", password=PASSWORD)
    seen.append(web.browser.cookies[SESSION_COOKIE].value)
    assert len(set(seen)) == 3
    old = WebDoor()
    old.browser.cookies[SESSION_COOKIE] = seen[1]
    assert not old.is_in()


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(web: WebDoor, ada: User, post: Post) -> None:
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA))
    for name in (SESSION_COOKIE, BROWSER_COOKIE, ATTEMPT_COOKIE, settings.CSRF_COOKIE_NAME):
        cookie = web.browser.cookies[name]
        assert cookie["samesite"] == "Lax", name
        assert cookie["domain"] == "", name
        if cookie.value:
            assert cookie["httponly"], name


def test_over_https_cookies_are_bound_to_this_very_host() -> None:
    """A sibling host can neither read nor plant a cookie with the prefix __Host-."""
    program = (
        "import django; django.setup()\n"
        "from django.conf import settings as s; from accounts.middleware import *; from login.views import ATTEMPT_COOKIE\n"
        "print(SESSION_COOKIE, BROWSER_COOKIE, ATTEMPT_COOKIE, s.CSRF_COOKIE_NAME, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0)"
    )
    environment = os.environ | {
        "PUBLIC_URL": "https://portal.example.com",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "__Host-session",
        "__Host-browser",
        "__Secure-attempt",
        "__Host-csrf",
        "True",
        "True",
    ]

"""A. Steps of a sign-in or recovery that can be skipped, or that finish for somebody else."""

import base64
import json

import pytest

from accounts.middleware import SESSION_COOKIE
from accounts.models import Session, User
from core import entropy, ratelimit
from login.models import Attempt
from login.views import ATTEMPT_COOKIE
from tests.attacks.addresses import every_path, is_open
from tests.attacks.people import ADA, BEN, MALLORY, without_factors
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time
from twofactor.models import Challenge, Factor

pytestmark = pytest.mark.django_db
STEPS = (
    "password",
    "method",
    "code",
    "passkey",
    "resend",
    "enrol",
    "change-password",
    "mailed-code",
    "continue",
    "done",
)
EVERYTHING = {
    "password": PASSWORD,
    "method": "email",
    "code": "000000",
    "kind": "email",
    "value": "mallory@evil.example",
    "current_password": PASSWORD,
    "new_password": NEW_PASSWORD,
}


# --- 1. the last step of a recovery, without its mailed token


def test_who_asked_for_a_link_can_take_no_step_without_it(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    post.deliver()
    for step in STEPS:
        assert door.take(step, **EVERYTHING).status < 500
        assert not door.is_in()
    ben.refresh_from_db()
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"
    assert not Attempt.objects.get(purpose="forgotten").link_at


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "../", "{secret}", "%00"])
def test_a_link_with_an_invented_secret_is_refused(api: ApiDoor, ben: User, secret: str) -> None:
    api.forgotten(BEN)
    uid = Attempt.objects.get().uid
    for token in (f"{uid}.{secret}", secret, f"{uid}", f"{uid}.", f".{secret}"):
        said = api.post("/api/v1/login/forgotten/consume/", {"token": token, "handle": api.handle})
        assert said.refused, token
    assert not Attempt.objects.get().link_at


def test_the_secret_of_one_link_opens_no_other(api: ApiDoor, ben: User, mallory: User, post: Post) -> None:
    ApiDoor().forgotten(BEN)
    victims = Attempt.objects.get()
    without_factors(mallory)
    api.forgotten(MALLORY)
    head, body, signature = post.link(MALLORY).rstrip("/").rpartition("/")[2].split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"jti": str(victims.uid)}).encode())
    token = f"{head}.{forged.decode().rstrip('=')}.{signature}"
    said = api.post("/api/v1/login/forgotten/consume/", {"token": token, "handle": api.handle})
    assert said.refused
    victims.refresh_from_db()
    assert victims.link_at is None


def test_the_handle_of_who_asked_is_no_short_code(api: ApiDoor, ben: User, post: Post) -> None:
    api.forgotten(BEN)
    token = post.link(BEN).rstrip("/").rpartition("/")[2]
    stranger = ApiDoor()
    for code in ("", "0" * 8, api.handle, token):
        body = {"token": token} | ({"code": code} if code else {})
        assert stranger.post("/api/v1/login/forgotten/consume/", body).refused


# --- 2. another person's name, cookie or address put in before the code is sent


def test_a_code_goes_to_the_address_of_the_account_whatever_else_is_sent(
    door: Door, mallory: User, ada: User, post: Post
) -> None:
    door.begin(MALLORY)
    extra = {"username": ADA, "user": ADA, "email": ADA, "value": ADA, "address": ADA, "sent_to": ADA}
    if isinstance(door, ApiDoor):
        assert door.take("password", password=PASSWORD, **extra).status == 400  # unknown fields are refused
        door.take("password", password=PASSWORD)
    else:
        door.take("password", password=PASSWORD, **extra)
    assert len(post.to(MALLORY)) == 1
    assert post.to(ADA) == []
    assert Challenge.objects.get().address == MALLORY


def test_the_address_to_enrol_is_the_account_s_own(door: Door, ada: User, post: Post) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    assert sign_in(door, ADA, PASSWORD).step == "enrol"
    assert door.take("enrol", kind="email", value=MALLORY).refused
    assert post.to(MALLORY) == []
    assert post.to(ADA) == []


def test_the_cookie_of_one_sign_in_and_the_form_of_another_do_not_mix(
    web: WebDoor, mallory: User, ada: User, post: Post
) -> None:
    """Mallory proves her own password and then swaps in the attempt that she began for Ada."""
    other = WebDoor()
    other.begin(ADA)
    sign_in(web, MALLORY, PASSWORD)
    code = post.code(MALLORY)
    web.browser.cookies[ATTEMPT_COOKIE] = other.browser.cookies[ATTEMPT_COOKIE].value
    web.take("code", code=code)
    assert web.said().step == "password"
    assert not web.is_in()
    assert not Session.objects.exists()


# --- 3. the code in an answer


def test_no_answer_holds_the_code_or_the_secret_of_a_link(
    door: Door, ada: User, ben: User, post: Post
) -> None:
    seen: list[str] = []

    def note() -> None:
        answers = door.trail if isinstance(door, WebDoor) else [door.answer]  # type: ignore[attr-defined]
        seen.extend(f"{one.serialize_headers().decode('latin-1')} {one.content.decode()}" for one in answers)
        seen.extend(str(cookie) for one in answers for cookie in one.cookies.values())

    for step in (
        lambda: door.begin(ADA),
        lambda: door.take("password", password=PASSWORD),
        lambda: door.take("code", code="000000"),
        lambda: door.take("resend"),
        lambda: door.take("nonsense"),
        lambda: door.stranger(),
        lambda: door.forgotten(BEN),
    ):
        step()
        note()
    post.deliver()
    codes = [
        entropy.derived_code(purpose="twofactor", id=str(one.uid), digits=one.digits)
        for one in Challenge.objects.all()
    ]
    link = Attempt.objects.get(purpose="forgotten")
    secrets = [
        post.link(BEN).rstrip("/").rpartition(".")[2],
        entropy.derived_code(purpose="forgotten", id=str(link.uid), digits=8),
    ]
    assert codes
    assert any(codes[0] in str(mail) for mail in post.box.mails)
    for secret in codes + secrets:
        assert all(secret not in text for text in seen)


# --- 4. a first credential for somebody else, with only a name


def test_nothing_can_be_enrolled_before_the_password(door: Door, ada: User, post: Post) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    door.begin(ADA)
    for _ in range(2):
        assert door.take("enrol", kind="email", value=MALLORY).refused
        assert door.take("enrol", code="000000").refused
    assert not Challenge.objects.exists()
    assert not Factor.objects.exists()
    assert post.box.mails == []


def test_a_mailed_link_alone_enrols_nothing(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    door.use(post.link(BEN))
    for step in ("enrol", "method", "code", "resend"):
        assert door.take(step, kind="email", code="000000", method="email").refused
    assert not Factor.objects.exists()
    assert not door.is_in()


def test_the_own_factors_need_a_session(api: ApiDoor, ada: User) -> None:
    sign_in(api, ADA, PASSWORD)
    for path in ("/api/v1/me/factors/", "/api/v1/me/email/", "/api/v1/me/password/", "/api/v1/me/confirm/"):
        for bearer in ("", api.handle, "x.y.z"):
            assert api.post(path, {"kind": "email"}, bearer=bearer).status == 401


# --- 5. a half-finished sign-in


def test_with_the_password_alone_no_address_opens(
    web: WebDoor, ada: User, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratelimit.NETWORKS, "limit", 10_000)  # a minute; it knocks at every door at once
    sign_in(web, ADA, PASSWORD)
    handle = web.browser.cookies[ATTEMPT_COOKIE].value
    web.browser.cookies[SESSION_COOKIE] = handle  # and a cookie that is none
    walked = 0
    for path in every_path(ident=str(ada.uid)):
        if is_open(path):
            continue
        walked += 1
        for answer in (
            web.browser.get(path),
            web.browser.get(path, HTTP_AUTHORIZATION=f"Bearer {handle}"),
            web.browser.post(path, {"x": "y"}),
        ):
            assert answer.status_code in {301, 302, 303, 400, 401, 403, 404, 405, 415}, (
                path,
                answer.status_code,
            )
            if answer.status_code in {301, 302, 303}:
                assert answer["Location"].startswith(("/login/", "/admin/", path)), (
                    path,
                    answer["Location"],
                )
            assert ADA not in answer.content.decode(errors="replace")
    assert walked > 60


def test_a_half_finished_sign_in_is_wiped_when_given_up(web: WebDoor, ada: User, post: Post) -> None:
    sign_in(web, ADA, PASSWORD)
    code = post.code(ADA)
    handle = web.browser.cookies[ATTEMPT_COOKIE].value
    cancel = web.page.form_to("/login/cancel/")
    assert cancel is not None
    web.send(cancel)
    web.browser.cookies[ATTEMPT_COOKIE] = handle
    web.take("code", code=code)
    assert web.said().step in {"ended", "username"}
    assert not web.is_in()


def test_asking_for_codes_does_not_make_a_sign_in_last_longer(
    door: Door, ada: User, post: Post, clock: Time
) -> None:
    sign_in(door, ADA, PASSWORD)
    for _ in range(2):
        clock.forward(minutes=7)
        door.take("resend")
    code = post.code(ADA)
    clock.forward(minutes=1)
    assert door.take("code", code=code).step in {"ended", "username"}
    assert not door.is_in()


def test_an_account_that_is_disabled_half_way_gets_no_further(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert door.take("code", code=code).step in {"ended", "username"}
    assert not door.is_in()
    assert not Session.objects.exists()


def test_no_password_waits_in_a_half_finished_sign_in(door: Door, ada: User) -> None:
    sign_in(door, ADA, PASSWORD)
    row = Attempt.objects.values().get()
    assert PASSWORD not in json.dumps(row, default=str)
    if isinstance(door, WebDoor):
        assert PASSWORD not in str(door.browser.cookies)


# --- 6. every other door, with only a password


def test_the_administration_has_no_sign_in_of_its_own(web: WebDoor, ada: User) -> None:
    for path in ("/admin/", "/admin/login/", "/admin/accounts/user/"):
        web.open(path)
        assert web.said().step == "username", path
    web.post("/admin/login/", username=ADA, password=PASSWORD)
    assert not web.is_in()
    assert not Session.objects.exists()


def test_no_other_scheme_of_authorization_is_taken(api: ApiDoor, ada: User, ben: User) -> None:
    basic = base64.b64encode(f"{BEN}:{PASSWORD}".encode()).decode()
    for header in (
        f"Basic {basic}",
        f"Token {PASSWORD}",
        f"Bearer {PASSWORD}",
        f"Digest username={BEN}",
        "Bearer",
        "",
    ):
        answer = api.client.get("/api/v1/me/", HTTP_AUTHORIZATION=header)
        assert answer.status_code == 401, header
        assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "path", ["/api/v1/tokens/refresh/", "/api/v1/tokens/introspect/", "/api/v1/tokens/revoke/"]
)
def test_the_doors_of_tokens_take_no_password(api: ApiDoor, ben: User, path: str) -> None:
    grant = {
        "grant_type": "password",
        "username": BEN,
        "password": PASSWORD,
        "token": PASSWORD,
        "refresh_token": PASSWORD,
    }
    said = api.post(path, grant)
    assert "access_token" not in said.facts
    assert not said.facts.get("active")
    answer = api.client.post(
        path, "&".join(f"{k}={v}" for k, v in grant.items()), content_type="application/x-www-form-urlencoded"
    )
    assert b"access_token" not in answer.content


def test_a_sign_in_of_a_page_cannot_go_on_over_the_api_nor_the_other_way(
    web: WebDoor, api: ApiDoor, ada: User, post: Post
) -> None:
    """Each door keeps to its own: what is bound to a cookie cannot be finished by a script that stole the handle."""
    sign_in(web, ADA, PASSWORD)
    api.handle = web.browser.cookies[ATTEMPT_COOKIE].value
    assert api.take("code", code=post.code(ADA)).step == "ended"
    sign_in(api, ADA, PASSWORD)
    web.browser.cookies[ATTEMPT_COOKIE] = api.handle
    web.take("code", code=post.code(ADA))
    assert not web.is_in()
    assert not Session.objects.exists()


def test_an_access_token_opens_neither_the_administration_nor_the_account_pages(
    api: ApiDoor, ada: User, post: Post
) -> None:
    sign_in(api, ADA, PASSWORD)
    api.take("code", code=post.code(ADA))
    assert api.is_in()
    for path in ("/admin/", "/account/", "/"):
        answer = api.client.get(path, HTTP_AUTHORIZATION=f"Bearer {api.access}")
        assert answer.status_code == 302
        assert answer["Location"].startswith(("/login/", "/admin/login/"))


# --- credentials of one's own, given by the door for other people's


@pytest.mark.parametrize(
    ("path", "given"),
    [("set_password/", {"new_password": NEW_PASSWORD}), ("change/", {"email": "mallory@evil.example"})],
)
def test_whoever_holds_an_administrators_session_cannot_keep_the_account(
    web: WebDoor, ada: User, post: Post, path: str, given: dict[str, str]
) -> None:
    """The account pages ask for the current password; the administration of people must be no way round it."""
    before = (ada.password, ada.email, ada.email_verified_at)
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA))
    page = web.open(f"/admin/accounts/user/{ada.pk}/{path}")
    form = next(form for form in page.forms if given.keys() <= form.values.keys())
    web.send(form, **given)
    assert "only on the pages of your account" in web.page.text
    ada.refresh_from_db()
    assert (ada.password, ada.email, ada.email_verified_at) == before


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("post", "password/", {"password": NEW_PASSWORD, "must_change": False}),
        ("patch", "", {"email": "mallory@evil.example"}),
    ],
)
def test_whoever_holds_an_administrators_token_cannot_keep_the_account(
    api: ApiDoor, ada: User, post: Post, method: str, path: str, given: dict[str, object]
) -> None:
    before = (ada.password, ada.email, ada.email_verified_at)
    sign_in(api, ADA, PASSWORD)
    api.take("code", code=post.code(ADA))
    answer = getattr(api.client, method)(
        f"/api/v1/users/{ada.uid}/{path}",
        json.dumps(given),
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.access}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")
    ada.refresh_from_db()
    assert (ada.password, ada.email, ada.email_verified_at) == before

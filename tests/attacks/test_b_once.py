"""B. One-time things used twice, at once, too late, or in the wrong place."""

import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.limits import PASSWORD as PASSWORDS
from accounts.middleware import BROWSER_COOKIE, SESSION_COOKIE
from accounts.models import RefreshToken, Session, User
from accounts.people import lock_user
from audit.events import Event
from audit.models import AuditEvent
from audit.verify import verify
from core import entropy
from core.epoch import current
from login.models import Attempt
from login.views import ATTEMPT_COOKIE
from tenants.actor import system_actor
from tests.attacks.parallel import AT_ONCE, at_once
from tests.attacks.people import ADA, BEN, MALLORY
from tests.cast import Api
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time
from twofactor.models import Challenge


def really_commits(test: Callable[..., None]) -> Callable[..., None]:
    """Run it with real commits, on SQLite and on PostgreSQL."""
    return pytest.mark.both_databases(pytest.mark.django_db(transaction=True)(test))


pytestmark = pytest.mark.django_db


def same_browser(web: WebDoor) -> WebDoor:
    """The same cookies in another thread."""
    twin = web.stranger()
    for name, cookie in web.browser.cookies.items():
        twin.browser.cookies[name] = cookie.value
    twin.address, twin.answer = web.address, web.answer
    return twin


def same_program(api: ApiDoor) -> ApiDoor:
    """The same handle in another thread."""
    twin = api.stranger()
    twin.handle, twin.access, twin.refresh = api.handle, api.access, api.refresh
    return twin


def twin_of(door: Door) -> Door:
    return same_browser(door) if isinstance(door, WebDoor) else same_program(door)  # type: ignore[arg-type]


# --- 7. at once


@really_commits
def test_of_fifty_uses_of_one_code_at_once_exactly_one_succeeds(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    twins = [twin_of(door) for _ in range(AT_ONCE)]
    said = at_once(lambda number: twins[number].take("code", code=code))
    assert sum(twin.is_in() for twin in twins) == 1
    assert Session.objects.count() == 1
    assert all(one.status < 500 for one in said)
    assert verify().broken_at is None


@really_commits
def test_of_fifty_uses_of_one_link_at_once_exactly_one_succeeds(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    link = post.link(BEN)
    if isinstance(door, WebDoor):
        door.open(urlsplit(link).path)
    twins = [twin_of(door) for _ in range(AT_ONCE)]
    said = at_once(
        lambda number: twins[number].use(link) if isinstance(door, ApiDoor) else _press(twins[number], link)
    )
    assert sum(one.step == "change-password" for one in said) == 1
    assert all(one.status < 500 for one in said)
    assert Attempt.objects.filter(link_at__isnull=False).count() == 1


def _press(door: Door, link: str):  # type: ignore[no-untyped-def]
    assert isinstance(door, WebDoor)
    door.post(urlsplit(link).path)
    return door.said()


@really_commits
def test_of_fifty_uses_of_one_refresh_token_at_once_one_succeeds_and_the_session_ends(
    api: ApiDoor, ben: User
) -> None:
    sign_in(api, BEN, PASSWORD)
    twins = [same_program(api) for _ in range(AT_ONCE)]
    said = at_once(
        lambda number: twins[number].post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh})
    )
    assert sorted({one.status for one in said}) == [200, 401]
    assert sum(one.status == 200 for one in said) == 1
    assert RefreshToken.objects.count() == 2
    assert Session.objects.get().ended_reason == "token_reused"
    assert not any(twin.is_in() for twin in twins)


@really_commits
def test_fifty_right_passwords_at_once_send_one_code(api: ApiDoor, ada: User, post: Post) -> None:
    api.begin(ADA)
    twins = [same_program(api) for _ in range(AT_ONCE)]
    said = at_once(lambda number: twins[number].take("password", password=PASSWORD))
    assert len(post.to(ADA)) == 1
    assert Challenge.objects.count() == 1
    assert all(one.status < 500 for one in said)


@really_commits
def test_fifty_wrong_codes_at_once_are_five_checks(api: ApiDoor, ada: User, post: Post) -> None:
    sign_in(api, ADA, PASSWORD)
    code = post.code(ADA)
    twins = [same_program(api) for _ in range(AT_ONCE)]
    wrong = [str((int(code) + 1 + number) % 10**6).zfill(6) for number in range(AT_ONCE)]
    said = at_once(lambda number: twins[number].take("code", code=wrong[number]))
    assert sum("not right" in one.text for one in said) == 5
    assert Challenge.objects.get().checks == 5
    assert api.take("code", code=code).step == "ended"


@really_commits
def test_fifty_changes_of_one_password_at_once_are_one(api: ApiDoor, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(must_change_password=True)
    sign_in(api, BEN, PASSWORD)
    twins = [same_program(api) for _ in range(10)]
    said = at_once(
        lambda number: twins[number].take(
            "change-password", current_password=PASSWORD, new_password=f"{NEW_PASSWORD} {number}"
        ),
        times=10,
    )
    assert sum(one.step == "done" for one in said) == 1
    assert Session.objects.count() == 1


@really_commits
def test_of_fifty_unlocks_of_one_account_at_once_exactly_one_is_done(
    api: ApiDoor, root: User, ben: User
) -> None:
    lock_user(ben, reason="lost phone", by=system_actor(), now=timezone.now())
    ben.refresh_from_db()
    version, epochs = ben.security_version, current()
    program = Api(root)
    said = at_once(lambda _number: program.post(f"users/{ben.uid}/unlock/"))
    assert Counter((one.status_code, one.json().get("code")) for one in said) == {
        (200, None): 1,
        (409, "not_locked"): AT_ONCE - 1,
    }
    ben.refresh_from_db()
    assert (ben.locked_at, ben.security_version) == (None, version + 1)
    assert AuditEvent.objects.filter(event=Event.USER_UNLOCKED).count() == 1
    assert current() == epochs + 1
    assert verify().broken_at is None


@really_commits
def test_of_fifty_tries_at_the_end_of_a_lock_no_more_than_the_limit_are_checked(
    ben: User, clock: Time, post: Post
) -> None:
    def guess(number: int) -> Said:
        return sign_in(ApiDoor(address=f"203.0.113.{number + 1}"), BEN, f"guess number {number}")

    at_once(guess)
    clock.forward(seconds=PASSWORDS.pause.total_seconds())
    said = at_once(guess)
    assert Counter(one.status for one in said) == {401: PASSWORDS.tries, 429: AT_ONCE - PASSWORDS.tries}


# --- 8. opened, not used


def test_a_link_that_is_opened_is_not_used(web: WebDoor, ben: User, post: Post) -> None:
    """Mail scanners open links, with every method that reads, with and without scripts, before the person does."""
    web.forgotten(BEN)
    path = urlsplit(post.link(BEN)).path
    scanner = Client(SERVER_NAME="127.0.0.1")
    for _ in range(3):
        for answer in (
            scanner.get(path),
            scanner.head(path),
            scanner.options(path),
            scanner.get(path, HTTP_PURPOSE="prefetch", HTTP_SEC_PURPOSE="prefetch;prerender"),
            web.browser.get(path),
        ):
            assert SESSION_COOKIE not in answer.cookies
            assert ATTEMPT_COOKIE not in answer.cookies
    assert Attempt.objects.get().link_at is None
    assert Attempt.objects.get().link_checks == 0
    assert web.use(post.link(BEN)).step == "change-password"


def test_a_scanner_that_presses_the_button_uses_nothing(web: WebDoor, ben: User, post: Post) -> None:
    web.forgotten(BEN)
    link = post.link(BEN)
    for _ in range(10):
        scanner = WebDoor(agent="Mail-Scanner/1.0")
        page = scanner.open(urlsplit(link).path)
        for form in page.forms:
            scanner.send(form)
            assert scanner.said().step != "change-password"
    assert web.use(link).step == "change-password"


def test_the_page_of_a_link_tells_its_address_to_nobody(web: WebDoor, ben: User, post: Post) -> None:
    web.forgotten(BEN)
    answer = web.browser.get(urlsplit(post.link(BEN)).path)
    assert answer["Referrer-Policy"] == "strict-origin"
    assert answer["Cache-Control"] == "no-store"
    body = answer.content.decode()
    assert "http://" not in body.replace("http://www.w3.org", "")
    assert "https://" not in body


# --- 9. a second too late, with no clean-up running


def test_one_second_after_its_end_everything_is_over(
    web: WebDoor, api: ApiDoor, ada: User, ben: User, post: Post, clock: Time
) -> None:
    web.forgotten(BEN)
    link = post.link(BEN)
    sign_in(api, ADA, PASSWORD)
    code = post.code(ADA)
    other = ApiDoor()
    sign_in(other, BEN, PASSWORD)
    clock.forward(minutes=5, seconds=-1)
    assert other.is_in()
    clock.forward(seconds=1)
    assert not other.is_in()  # the access token
    clock.forward(minutes=5, seconds=-1)
    assert api.take("code", code="000000").step == "code"
    clock.forward(seconds=1)
    assert api.take("code", code=code).refused
    assert web.use(link).refused
    assert not Session.objects.filter(user=ada).exists()
    assert Attempt.objects.count() == 3  # nothing was tidied up, and nothing had to be


# --- 10. the wrong thing in the wrong place


def test_no_secret_of_ours_opens_what_another_is_for(
    web: WebDoor, api: ApiDoor, ada: User, ben: User, post: Post
) -> None:
    sign_in(web, BEN, PASSWORD)
    sign_in(api, BEN, PASSWORD)
    half = ApiDoor()
    sign_in(half, ADA, PASSWORD)
    forgotten = ApiDoor()
    forgotten.forgotten(BEN)
    link, short = post.link(BEN), post.code(BEN)
    secrets = {
        "session": web.browser.cookies[SESSION_COOKIE].value,
        "browser": web.browser.cookies[BROWSER_COOKIE].value,
        "access": api.access,
        "refresh": api.refresh,
        "handle": half.handle,
        "forgotten handle": forgotten.handle,
        "link": link.rstrip("/").rpartition("/")[2],
        "code": post.code(ADA),
        "short code": short,
        "csrf": web.browser.cookies[settings.CSRF_COOKIE_NAME].value,
    }
    for name, secret in secrets.items():
        for cookie in (SESSION_COOKIE, ATTEMPT_COOKIE, BROWSER_COOKIE):
            if name == cookie.removeprefix("__Host-"):
                continue
            client = Client(SERVER_NAME="127.0.0.1")
            client.cookies[cookie] = secret
            assert client.get("/account/").status_code == 302, (name, cookie)
        if name != "access":
            assert api.client.get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {secret}").status_code == 401, (
                name
            )
        if name not in {"handle", "forgotten handle"}:
            stranger = ApiDoor()
            stranger.handle = secret
            assert stranger.take("code", code=secrets["code"]).status in {400, 401}, name
        if name != "refresh":
            said = ApiDoor().post("/api/v1/tokens/refresh/", {"refresh_token": secret})
            assert said.status == 401, name
        if name != "code":
            assert half.take("code", code=secret[:12]).refused, name
        if half.body.get("step") == "ended" or "step" not in half.body:
            half = ApiDoor()
            sign_in(half, ADA, PASSWORD)
            secrets["code"] = post.code(ADA)


def test_a_code_for_an_address_is_no_code_for_a_sign_in(
    web: WebDoor, ada: User, post: Post, clock: Time
) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    sign_in(web, ADA, PASSWORD)
    web.take("enrol")
    challenge = Challenge.objects.get()
    User.objects.filter(pk=ada.pk).update(email_verified_at=clock())
    code = entropy.derived_code(purpose="twofactor", id=str(challenge.uid), digits=6)
    web.open("/login/code/")
    assert web.take("code", code=code).refused or not web.is_in()
    assert not web.is_in()


def _part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_forged_access_token_is_refused(api: ApiDoor, ben: User, ada: User) -> None:
    sign_in(api, BEN, PASSWORD)
    head, body, signature = api.access.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = [
        f"{_part(header | {'alg': 'none'})}.{body}.",
        f"{_part(header | {'alg': 'None'})}.{body}.{signature}",
        f"{_part(header | {'alg': 'HS256'})}.{body}.{signature}",
        f"{_part(header | {'kid': 'x'})}.{body}.{signature}",
        f"{_part(header | {'kid': '../../dev/null'})}.{body}.{signature}",
        f"{_part(header | {'jku': 'https://evil.example/keys'})}.{body}.{signature}",
        f"{_part(header | {'typ': 'JWT'})}.{body}.{signature}",
        f"{head}.{_part(claims | {'sub': str(ada.uid)})}.{signature}",
        f"{head}.{_part(claims | {'exp': int(time.time()) + 10**6})}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}..{signature}",
        f"{head}.{body}.{signature[::-1]}",
        api.access + "A" * 10_000,
    ]
    for token in forged:
        answer = api.client.get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {token}")
        assert answer.status_code == 401, token[:80]
        said = ApiDoor().post("/api/v1/tokens/introspect/", {"token": token}, bearer=api.access)
        assert not said.facts.get("active"), token[:80]
    assert api.is_in()


def test_a_token_in_an_address_is_no_token(api: ApiDoor, ben: User) -> None:
    sign_in(api, BEN, PASSWORD)
    for query in (
        f"access_token={api.access}",
        f"token={api.access}",
        f"authorization=Bearer%20{api.access}",
    ):
        assert api.client.get(f"/api/v1/me/?{query}").status_code in {400, 401}


def test_a_used_refresh_token_ends_everything_that_came_from_it(api: ApiDoor, ben: User, clock: Time) -> None:
    sign_in(api, BEN, PASSWORD)
    stolen = api.refresh
    clock.forward(minutes=1)
    api.post("/api/v1/tokens/refresh/", {"refresh_token": stolen})
    assert api.is_in()
    thief = ApiDoor()
    assert thief.post("/api/v1/tokens/refresh/", {"refresh_token": stolen}).status == 401
    assert not api.is_in()
    assert Session.objects.get().ended_at - Session.objects.get().created_at == timedelta(minutes=1)  # type: ignore[operator]


def test_mallory_cannot_finish_what_somebody_else_began(
    door: Door, ada: User, mallory: User, post: Post
) -> None:
    """She holds a valid code, of her own sign-in, and knows the id of the other attempt."""
    sign_in(door, ADA, PASSWORD)
    hers = door.stranger()
    sign_in(hers, MALLORY, PASSWORD)
    hers.take(
        "code",
        code=post.code(MALLORY),
        **({"attempt": str(Attempt.objects.first().uid)} if isinstance(hers, WebDoor) else {}),
    )  # type: ignore[union-attr]
    assert not Session.objects.filter(user=ada).exists()

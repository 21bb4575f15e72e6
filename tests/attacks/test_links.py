"""Mailed links and their tokens: used twice, opened by scanners, taken for something else (attacks 7 to 10, 29 to 31)."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.middleware import SESSION_COOKIE
from accounts.models import Session, User
from accounts.tokens.keys import active_key
from accounts.tokens.signed import ACCESS, JOIN, LINK, signed
from login.models import Attempt
from login.views import ATTEMPT_COOKIE
from tests.attacks.parallel import AT_ONCE, at_once
from tests.attacks.people import BEN
from tests.attacks.test_b_once import really_commits, same_program
from tests.journeys.doors import ApiDoor, Door, WebDoor
from tests.journeys.stage import Post

pytestmark = pytest.mark.django_db


def token_in(link: str) -> str:
    return urlsplit(link).path.rstrip("/").rpartition("/")[2]


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _signature = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(one + "==")) for one in (head, body))  # type: ignore[return-value]


@really_commits
def test_of_fifty_uses_at_once_exactly_one_succeeds(api: ApiDoor, ben: User, post: Post) -> None:
    api.magic(BEN)
    token = token_in(post.link(BEN))
    twins = [same_program(api) for _ in range(AT_ONCE)]
    body = {"token": token, "handle": api.handle}
    said = at_once(lambda number: twins[number].post("/api/v1/login/magic-link/consume/", body))
    assert sum(one.step == "done" for one in said) == 1
    assert all(one.status < 500 for one in said)
    assert Session.objects.count() == 1


@really_commits
def test_of_fifty_short_codes_at_once_exactly_one_succeeds(api: ApiDoor, ben: User, post: Post) -> None:
    api.magic(BEN)
    code = post.code(BEN)
    twins = [same_program(api) for _ in range(AT_ONCE)]
    said = at_once(lambda number: twins[number].take("mailed-code", code=code))
    assert sum(one.step == "done" for one in said) == 1
    assert all(one.status < 500 for one in said)
    assert Session.objects.count() == 1


def test_whoever_only_opens_it_uses_nothing(web: WebDoor, ben: User, post: Post) -> None:
    web.magic(BEN)
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
            assert answer["Referrer-Policy"] == "strict-origin"
    assert Attempt.objects.get().link_at is None
    assert Attempt.objects.get().link_checks == 0
    assert web.use(post.link(BEN)).step == "done"


def test_the_mail_names_the_configured_host_whatever_the_request_says(ben: User, post: Post) -> None:
    api = ApiDoor()
    for headers in (
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_FORWARDED": "host=evil.example"},
        {"HTTP_ORIGIN": "https://evil.example"},
    ):
        Client(SERVER_NAME="127.0.0.1", **headers).post(
            "/api/v1/login/magic-link/", {"email": BEN}, content_type="application/json"
        )
        assert post.link(BEN).startswith(f"{settings.PUBLIC_URL}/login/link/")
    assert not api.is_in()


def forgeries(token: str) -> dict[str, str]:
    """What somebody may make of a token that he holds, or of nothing."""
    header, claims = parts_of(token)
    head, body, signature = token.split(".")
    stranger, key = ec.generate_private_key(ec.SECP256R1()), active_key(now=timezone.now())

    def encoded(part: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    def by_stranger(**changed: Any) -> str:
        return jwt.encode(
            claims | changed, stranger, algorithm="ES256", headers={"typ": LINK.type, "kid": key.kid}
        )

    now = timezone.now()
    times = {"issued_at": now, "expires_at": now + timedelta(minutes=5)}
    return {
        "no signature": f"{head}.{body}.",
        "alg none": f"{encoded(header | {'alg': 'none'})}.{body}.",
        "alg none, signed": f"{encoded(header | {'alg': 'none'})}.{body}.{signature}",
        "another scope": f"{head}.{encoded(claims | {'scope': 'forgotten'})}.{signature}",
        "longer": f"{head}.{encoded(claims | {'exp': claims['exp'] + 9_999})}.{signature}",
        "signed by somebody else": by_stranger(),
        "an access token": signed(
            {"sub": claims["jti"], "sid": claims["jti"]}, use=ACCESS, jti=claims["jti"], **times
        ),
        "a join token": signed({"company": "x", "role": "y"}, use=JOIN, jti=claims["jti"], **times),
        "a link for a password": signed({"scope": "forgotten"}, use=LINK, jti=claims["jti"], **times),
        "a link without an id": signed({"scope": "magic-link"}, use=LINK, jti="", **times),
        "an id that is none": signed({"scope": "magic-link"}, use=LINK, jti="' OR 1=1 --", **times),
        "oversized": f"{head}.{encoded(claims | {'x': 'y' * 9_000})}.{signature}",
        "nested": signed({"scope": {"scope": "magic-link"}}, use=LINK, jti=claims["jti"], **times),
        "empty": "",
        "dots": "..",
    }


def test_nothing_else_is_a_link(api: ApiDoor, ben: User, post: Post) -> None:
    api.magic(BEN)
    token = token_in(post.link(BEN))
    for name, forged in forgeries(token).items():
        said = api.post("/api/v1/login/magic-link/consume/", {"token": forged, "handle": api.handle})
        assert said.refused, name
        assert said.status < 500, name
        answer = Client(SERVER_NAME="127.0.0.1").get(f"/login/link/{forged or 'x'}/")
        assert answer.status_code in {401, 404}, name
    assert not Session.objects.exists()
    assert api.use(post.link(BEN)).step == "done"


def test_a_link_is_good_at_its_own_door_alone(api: ApiDoor, ben: User, post: Post) -> None:
    api.magic(BEN)
    token = token_in(post.link(BEN))
    body = {"token": token, "handle": api.handle}
    assert api.post("/api/v1/login/forgotten/consume/", body).refused
    assert api.post("/api/v1/tokens/refresh/", {"refresh_token": token}).refused
    assert api.post("/api/v1/login/magic-link/", {"email": BEN, "join": token}).refused
    for bearer in (token, post.code(BEN)):
        stranger = ApiDoor()
        stranger.access = bearer
        assert not stranger.is_in()
    browser = Client(SERVER_NAME="127.0.0.1")
    for name in (SESSION_COOKIE, ATTEMPT_COOKIE):
        browser.cookies[name] = token
    assert browser.get("/account/").status_code in {302, 401}
    assert browser.post("/sso/jwt/", {"token": token}).status_code == 401
    assert not Session.objects.exists()


def test_no_answer_holds_the_token_or_the_code(door: Door, ben: User, post: Post) -> None:
    said = door.magic(BEN)
    answers = door.trail if isinstance(door, WebDoor) else [door.answer]  # type: ignore[attr-defined]
    seen = [f"{one.serialize_headers().decode('latin-1')} {one.content.decode()}" for one in answers]
    token, code = token_in(post.link(BEN)), post.code(BEN)
    for secret in (token, token.rpartition(".")[2], code):
        assert all(secret not in text for text in seen)
        assert secret not in str(said.facts)


def test_a_mailbox_is_not_flooded_by_asking_in_turn(api: ApiDoor, ben: User, post: Post) -> None:
    for number in range(12):
        asker = ApiDoor(address=f"203.0.113.{number + 1}")
        said = asker.magic(BEN) if number % 3 else asker.forgotten(BEN)
        assert said.status == 202
    assert len(post.to(BEN)) == 5

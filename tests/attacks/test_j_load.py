"""J. Denial of service: every body, field and list is bounded, and what is refused costs little."""

import json
import time

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from core import ratelimit
from login.models import Attempt
from tests import cast
from tests.attacks.addresses import every_path
from tests.attacks.hashers import Counting
from tests.attacks.people import ADA, BEN
from tests.journeys.doors import ApiDoor, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post

pytestmark = pytest.mark.django_db
HUGE = 1_000_001


def test_a_body_over_a_megabyte_is_refused_at_every_door(ada: User) -> None:
    client = Client(SERVER_NAME="127.0.0.1")
    json_body = json.dumps({"username": "x" * HUGE})
    for path in every_path():
        if path.startswith("/static/"):
            continue
        for body, kind in (
            (json_body, "application/json"),
            ("x=" + "y" * HUGE, "application/x-www-form-urlencoded"),
        ):
            answer = client.post(path, body, content_type=kind)
            assert answer.status_code in {301, 302, 400, 401, 403, 404, 405, 413, 415}, (
                path,
                answer.status_code,
            )


def test_a_body_that_is_too_large_is_said_so_in_plain_words(web: WebDoor, api: ApiDoor) -> None:
    said = api.begin("x" * HUGE)
    assert (said.status, said.facts["code"]) == (413, "too_large")
    web.open("/login/")
    web.post("/login/", username="x" * HUGE)
    assert web.answer.status_code == 413
    assert web.page.heading


def test_thousands_of_fields_are_refused(web: WebDoor) -> None:
    web.open("/login/")
    web.post("/login/", **{f"field{number}": "x" for number in range(2_100)})
    assert web.answer.status_code in {400, 413}


def test_a_body_nested_without_end_is_refused(api: ApiDoor) -> None:
    for body in (b"[" * 200_000, b'{"a":' * 100_000, b'{"username":' + b"[" * 50_000 + b"]" * 50_000 + b"}"):
        began = time.monotonic()
        assert api.post("/api/v1/login/", body).status == 400
        assert time.monotonic() - began < 2


def test_a_long_password_is_not_hashed(settings: Settings, ben: User, api: ApiDoor, web: WebDoor) -> None:
    settings.PASSWORD_HASHERS = ["tests.attacks.hashers.Counting"]
    Counting.count = 0
    for door in (api, web):
        door.begin(BEN)
        assert door.take("password", password="x" * 100_000).refused
    assert Counting.count == 0


def test_a_password_that_was_limited_is_not_hashed(settings: Settings, ben: User, api: ApiDoor) -> None:
    settings.PASSWORD_HASHERS = ["tests.attacks.hashers.Counting"]
    for _ in range(10):
        sign_in(ApiDoor(), BEN, "a wrong guess")
    Counting.count = 0
    assert sign_in(ApiDoor(), BEN, PASSWORD).status == 429
    assert Counting.count == 0


def test_long_headers_and_cookies_are_cut_or_refused(web: WebDoor, ben: User) -> None:
    for name in ("session", "attempt", "browser", "csrf", "messages"):
        one = WebDoor(agent="x" * 50_000)
        one.browser.cookies[name] = "x" * 50_000
        for path in ("/", "/login/", "/login/password/", "/account/"):
            assert one.browser.get(path).status_code < 500
    one = WebDoor(agent="y" * 50_000)
    sign_in(one, BEN, PASSWORD)
    assert one.is_in()
    assert len(ben.sessions.latest("id").user_agent) <= 200


def test_a_network_that_begins_without_end_is_stopped(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit.NETWORKS, "limit", 20)  # a minute; 300 where the product runs
    statuses = [ApiDoor().begin(f"n{number}@acme.example").status for number in range(40)]
    assert statuses[:20] == [201] * 20
    assert 429 in statuses
    other = ApiDoor(address="203.0.113.200")
    assert other.begin("somebody@acme.example").status == 201  # one caller's load does not stop the others
    assert Attempt.objects.count() < 40


def test_what_one_asks_of_a_link_is_bounded_for_a_network(api: ApiDoor) -> None:
    statuses = [ApiDoor().forgotten(f"n{number}@acme.example").status for number in range(61)]
    assert statuses == [202] * 60 + [429]


def test_a_page_of_a_list_has_a_largest_size(api: ApiDoor, ada: User, post: Post) -> None:
    sign_in(api, ADA, PASSWORD)
    api.take("code", code=post.code(ADA))
    for size in ("1000000", "-1", "0", "x", "9" * 100):
        said = api.get(f"/api/v1/users/?page_size={size}")
        assert said.status in {200, 400}
        said = api.get(f"/api/v1/users/?cursor={size}")
        assert said.status in {200, 400, 404}


# --- addresses of the administration with nonsense in them


@pytest.mark.parametrize(
    "path",
    [
        "accounts/user/?role=" + "9" * 40,
        "accounts/user/?role=" + "9" * 5_000,
        "audit/auditevent/?company=" + "9" * 5_000,
        "audit/auditevent/export.csv?p=" + "9" * 40,
        "audit/auditevent/export.json?p=-1",
        "audit/auditevent/export.csv?at__gte=9999-99-99",
        "audit/auditevent/export.json?subject=nobody",
    ],
)
def test_a_filter_that_nobody_understands_is_no_fault_of_ours(web: WebDoor, root: User, path: str) -> None:
    client = cast.browser(root)
    client.raise_request_exception = False
    assert client.get(f"/admin/{path}").status_code in {200, 302, 400}

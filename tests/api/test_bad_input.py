"""Whatever is sent, the answer is a problem document that says what is wrong, and nothing is changed."""

from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse

from accounts.models import User
from tenants.models import Role
from tests.cast import Browse, Call

JSON = "application/json"


def is_problem(answer: HttpResponse, status: int, code: str) -> None:
    """Check the whole shape."""
    said = answer.json()
    assert (answer.status_code, said["code"]) == (status, code), said
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said["status"] == status
    assert said["type"] == "about:blank"
    assert said["title"]
    assert said["detail"]
    if status != 413:  # refused before anybody is asked for, or counted
        assert "RateLimit-Limit" in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"{'name': 'x'}",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": "a", "name": "b"}',
        b"\xff\xfe{}",
        b'{"name": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"rank": ' + b"9" * 10_000 + b"}",
        b"\x00",
    ],
)
def test_what_is_no_json_is_refused(body: bytes, api: Call, ada: User) -> None:
    is_problem(api(ada).post("roles/", body), 400, "bad_request")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"true", b"{}", b""])
def test_what_is_no_object_is_refused(body: bytes, api: Call, ada: User) -> None:
    is_problem(api(ada).post("roles/", body), 400, "invalid")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7),
        ("name", True),
        ("name", None),
        ("name", ["x"]),
        ("name", {"x": 1}),
        ("name", "a\x00b"),
        ("name", "\ud800"),
        ("name", ""),
        ("name", "x" * 1_000),
        ("rank", "7"),
        ("rank", 7.0),
        ("rank", True),
        ("rank", 10**30),
        ("rank", -(10**30)),
        ("privileges", "x"),
        ("privileges", {"0": "x"}),
        ("privileges", [None]),
        ("privileges", [7]),
        ("privileges", ["x"] * 501),
        ("company", 1),
        ("company", "1"),
        ("company", ["x"]),
        ("twofactor_policy", 0),
        ("pk", 1),
        ("id", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_a_value_that_does_not_fit_is_named(field: str, value: object, api: Call, ada: User) -> None:
    answer = api(ada).post("roles/", {"name": "New", "rank": 1} | {field: value})
    is_problem(answer, 400, "invalid")
    assert next(iter(answer.json()["errors"])).startswith(field)
    assert Role.objects.count() == 4


def test_a_megabyte_is_refused_before_it_is_read(api: Call, ada: User) -> None:
    big = b'{"name": "' + b"x" * 1_000_001 + b'"}'
    for headers in ({}, {"Idempotency-Key": "x"}):
        is_problem(api(ada).post("roles/", big, headers), 413, "too_large")
    is_problem(
        api(None).post(
            "tokens/revoke/",
            b"token=" + b"x" * 1_000_001,
            {"Content-Type": "application/x-www-form-urlencoded"},
        ),
        413,
        "too_large",
    )


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/xml",
        "",
        "x",
    ],
)
def test_another_kind_of_body_is_refused(kind: str, api: Call, ada: User) -> None:
    for headers in ({}, {"Idempotency-Key": "x"}):
        answer = api(ada).post("roles/", b"name=x", {"Content-Type": kind} | headers)
        is_problem(answer, 415, "unsupported_media_type")


def test_a_page_that_sends_a_form_is_refused_too(browser: Browse, ada: User) -> None:
    for headers in ({}, {"Idempotency-Key": "x"}):
        answer = browser(ada).post("/api/v1/roles/", {"name": "x"}, headers=headers)
        is_problem(answer, 415, "unsupported_media_type")


def test_another_kind_of_answer_is_not_made(api: Call, ada: User) -> None:
    is_problem(api(ada).get("me/", Accept="text/html"), 406, "not_acceptable")


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "PURGE"])
def test_another_method_is_refused(method: str, api: Call, ada: User) -> None:
    program = api(ada)
    for path in ("users/", f"users/{ada.uid}/", "settings/"):
        is_problem(program._call(method, path, {}, {}), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        "nothing/",
        "users/1/",
        "users/x/",
        "users/00000000-0000-4000-8000-000000000000/",
        "users/%00/",
        "../x/",
        "me/x/",
    ],
)
def test_what_is_not_there_is_not_found(path: str, api: Call, ada: User) -> None:
    answer = api(ada).get(path)
    said = answer.json()
    assert (answer.status_code, said["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", ["unknown=1", "company=1", "company=%00", "is_active=perhaps", "email=%00"])
def test_a_query_that_makes_no_sense_is_refused(query: str, api: Call, ada: User) -> None:
    is_problem(api(ada).get(f"users/?{query}"), 400, "invalid")


def test_a_dead_database_is_503_and_says_when_to_come_back(
    api: Call, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = api(ada)

    def dead(*_given: Any, **_more: Any) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr("tenants.api.services.create_role", dead)
    answer = program.post("roles/", {"name": "New"})
    is_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "disk" not in answer.content.decode()


def test_answers_stay_out_of_caches(api: Call, ada: User) -> None:
    assert api(ada).get("me/").headers["Cache-Control"] == "no-store"


def test_markup_comes_back_as_text(api: Call, ada: User) -> None:
    answer = api(ada).post("roles/", {"name": "<script>alert(1)</script>", "rank": 1})
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"

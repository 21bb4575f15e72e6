"""A line of the log is one line, says what happened in known fields, and holds nothing that opens a door."""

import json
import logging
import time
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost
from django.test import RequestFactory

from core import entropy, logs
from core.routes import request_id
from core.scrub import LONGEST, scrubbed, without

SECRET = "A" * 43


def _record(
    message: str, *args: object, error: BaseException | None = None, **extra: object
) -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord("core.test", logging.ERROR, __file__, 1, message, args, told)
    record.__dict__.update(extra)
    return record


def _json(record: logging.LogRecord) -> dict[str, Any]:
    text = logs.Lines(style="json").format(record)
    assert "\n" not in text
    assert text.isascii()
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    "text",
    [
        f"Forbidden: /login/forgotten/b88bf784-8aae-4013-8a45-d5d49a432ec3.{SECRET}/",
        f"Not Found: /join/eyJhbGciOiJFUzI1NiIsInR5cCI6ImdhdGVob3VzZS1qb2luK2p3dCJ9.eyJqdGkiOiJ4In0.{SECRET}/",
        f"session=gh_session_{SECRET}; path=/",
        f"gh_session_{SECRET}",
        f"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.{SECRET}",
        f"Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.{SECRET}.{SECRET}x",
        f"x-eyJhbGciOiJFUzI1NiJ9.{SECRET}.{SECRET}",
        f"k1.{SECRET}==",
        f"Bearer short-{SECRET[:9]}",
        "{'password': 'AAAAAAAAA B', 'new_password': \"AAAAAAAAA\"}",
        "redis://:AAAAAAAAA@10.0.0.7:6379/0",
        "postgres://gatehouse:AAAAAAAAA@10.0.0.7/db refused",
        "smtp_password=AAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAA",
        "null value\nDETAIL:  Failing row contains (7, AAAAAAAAA, AAAAAAAAA B).",
        "DETAIL:  Key (name)=(AAAAAAAAA (B) AAAAAAAAA) already exists.",
    ],
)
def test_what_opens_a_door_is_left_out(text: str) -> None:
    assert "AAAAAAAAA" not in scrubbed(text)
    assert "AAAAAAAAA" not in json.dumps(_json(_record("%s", text)))


def test_everything_else_stays() -> None:
    text = "Not Found: /account/sessions/b88bf784-8aae-4013-8a45-d5d49a432ec3/end/ core.logs.Line v1.2.3 a.b: 12 CSRF token missing"
    assert scrubbed(text) == text


@pytest.mark.parametrize(
    "word",
    ["a", "gh_", "eyJaaaaaaaaaa-", "://a:", "password=", "Key (", "$argon2", "'", " ", "Bearer ", "a_"],
)
def test_a_long_text_costs_little_and_becomes_short(word: str) -> None:
    text = word * (4_000_000 // len(word))
    began = time.process_time()
    line = _json(_record("%s", text, error=_raised(ValueError(text))))
    assert time.process_time() - began < 0.5
    assert len(line["event"]) < LONGEST + 200
    assert len(line["exception"]) < LONGEST + 200


def test_no_half_of_a_secret_is_left_where_a_text_is_cut() -> None:
    for length in range(LONGEST // 2 - 60, LONGEST // 2 + 20):
        text = "x " * (length // 2) + f"gh_session_{SECRET}" + " y" * LONGEST
        assert "AAAA" not in scrubbed(text)
        assert "AAAA" not in scrubbed(text[::-1])


def test_a_line_has_known_fields_alone() -> None:
    named = request_id.set("abcdef12")
    try:
        record = _record(
            "it %s", "broke", route="login/", status=500, ms=1.5, data={"password": "x"}, other="x"
        )
    finally:
        line = _json(record)
        request_id.reset(named)
    assert list(line) == [
        "timestamp",
        "level",
        "service",
        "logger",
        "request_id",
        "event",
        "route",
        "status",
        "ms",
    ]
    assert line["timestamp"].endswith("Z")
    assert len(line["timestamp"]) == len("2026-11-22T09:00:00.000Z")
    assert (line["level"], line["logger"], line["event"]) == ("error", "core.test", "it broke")


def test_a_field_becomes_a_number_or_text_and_text_is_looked_at() -> None:
    line = _json(_record("x", route=["a", SECRET], method=None, ms=1.5))
    assert ("a" in line["route"], SECRET in line["route"]) == (True, False)
    assert ("method" in line, line["ms"]) == (False, 1.5)


@pytest.mark.parametrize(
    "text",
    [
        'x\n{"timestamp": "2026", "level": "info", "event": "forged"}',
        '", "level": "critical", "event": "forged", "x": "',
        "x\r\n2026-11-22T09:00:00.000Z INFO web core forged\x1b[2K\x00\x7f\x85\u2028\u2029\u202eforged",
    ],
)
def test_nobody_can_write_a_line_of_his_own(text: str) -> None:
    error = _raised(ValueError(text))
    line = _json(_record("name %s", text, error=error, route=text))
    assert (line["level"], line["event"], line["route"]) == ("error", f"name {text}", text)
    shown = logs.Lines(style="line").format(_record("name %s", text, error=error, route=text))
    first, *more = shown.splitlines()
    assert all(one.startswith("    ") for one in more)
    assert first.count("ERROR") == 1
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_a_traceback_holds_neither_variables_nor_secrets() -> None:
    token = entropy.token("refresh")

    def fail(password: str) -> None:
        raise ValueError(token)

    with pytest.raises(ValueError) as raised:  # noqa: PT011
        fail("short")
    for style in ("json", "line"):
        text = logs.Lines(style=style).format(_record("it %s", "broke", error=raised.value))
        assert "ValueError" in text
        assert "in fail" in text
        assert token not in text
        assert "password = " not in text


def test_what_the_request_brought_is_in_no_traceback() -> None:
    request = RequestFactory().post(
        "/login/?next=query-value",
        data=json.dumps({"username": "typed 'by' mistake", "list": [{"code": 998877}]}),
        content_type="application/json",
        headers={"X-Odd": "header-value", "Cookie": "csrf=cookie-value"},
    )
    request.resolver_match = type("Match", (), {"kwargs": {"token": "path-value"}, "route": "login/"})()
    # As the HTTP door hands it over; whatever reads a body there leaves it where it was.
    request.META["wsgi.input"] = BytesIO(request.META["wsgi.input"].read())
    request._stream = request.META["wsgi.input"]
    brought = ["query-value", "typed 'by' mistake", "998877", "header-value", "cookie-value", "path-value"]
    for reads_first in (False, True):
        if reads_first:
            assert request.body
        line = _json(_record("x", error=_raised(KeyError(*brought)), request=request))
        assert (line["method"], line["route"]) == ("POST", "login/")
        assert "KeyError" in line["exception"]
        assert [
            one for one in brought if one in line["exception"] or repr(one)[1:-1] in line["exception"]
        ] == []


def test_short_words_of_a_request_stay_in_a_traceback() -> None:
    assert without("File x, line 5: en", ["en", "line", ""]) == "File x, line 5: en"


def test_django_tells_of_a_request_by_its_route() -> None:
    request = RequestFactory().get("/nowhere/for-your-eyes-only")
    record = _record("Not Found: %s", request.path, request=request, status_code=404)
    record.name = "django.request"
    line = _json(record)
    assert (line["event"], line["route"], line["status"]) == ("Not Found", "other", 404)
    error = _raised(DisallowedHost("evil"))
    record = _record("Invalid HTTP_HOST header: 'evil'.", error=error, request=request, status_code=400)
    record.name = "django.security.DisallowedHost"
    line = _json(record)
    assert line["event"] == "DisallowedHost"
    assert "evil" not in json.dumps(line)


def test_a_line_that_cannot_be_made_says_no_more_than_that() -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError(SECRET)

    for record in (_record("%s", Odd()), _record("%d", SECRET), _record("%s %s", SECRET)):
        line = _json(record)
        assert line["event"].startswith("a line of the log could not be made: ")
        assert SECRET not in json.dumps(line)

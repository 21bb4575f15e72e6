"""The HTTP door: whole requests only, and nothing that a client sends slowly or oddly holds a thread or a name."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import FileResponse, HttpRequest
from django.test import override_settings
from django.urls import path

from portal import asgi
from portal.threads import Threads

Headers = list[tuple[bytes, bytes]]


def _scope(path: str = "/nowhere/", *, method: str = "GET", headers: Headers | None = None) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 4711),
        "headers": [(b"host", b"127.0.0.1"), *(headers or [])],
    }


def _ask(scope: dict[str, Any], *parts: bytes, ends: bool = True) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request whose body comes in these parts; without `ends` the last one never comes."""
    sent: list[Any] = []
    waiting = [
        {"type": "http.request", "body": part, "more_body": not ends or index < len(parts) - 1}
        for index, part in enumerate(parts or (b"",))
    ]

    async def receive() -> Any:
        if not waiting:
            await asyncio.sleep(3_600)
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def within(seconds: float) -> None:
        async with asyncio.timeout(seconds):
            await asgi.application(scope, receive, send)

    asyncio.run(within(30))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:])


def test_a_server_that_knows_nothing_of_django_can_load_it() -> None:
    own = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    command = [sys.executable, "-c", "import portal.asgi"]
    subprocess.run(command, cwd=Path(__file__).parents[2], env=own, check=True)


def test_a_request_is_answered() -> None:
    status, headers, body = _ask(_scope())
    assert (status, headers["cache-control"]) == (404, "no-store")
    assert len(body) == int(headers["content-length"])


def test_it_is_said_to_live_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "WAITING", 0)
    assert _ask(_scope("/livez"))[::2] == (200, b"ok\n")


def test_a_body_that_does_not_arrive_in_time_is_answered_without_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.05)
    scope = _scope("/api/v1/login/", method="POST", headers=[(b"content-length", b"1000")])
    assert _ask(scope, b"{", ends=False)[0] == 408


@pytest.mark.parametrize(
    "declared", [[(b"content-length", b"2000000")], [(b"transfer-encoding", b"chunked")]]
)
def test_a_body_that_is_too_long_is_refused_before_it_is_kept(declared: Headers) -> None:
    scope = _scope(
        "/api/v1/login/", method="POST", headers=[*declared, (b"content-type", b"application/json")]
    )
    status, headers, _body = _ask(scope, *[b"x" * 100_000] * 20)
    assert (status, headers["content-type"]) == (413, "application/problem+json")


def test_a_header_with_an_underscore_does_not_become_another_one() -> None:
    environ = asgi._environ(
        _scope(headers=[(b"x_forwarded_for", b"10.0.0.1"), (b"x-request-id", b"a"), (b"x-request-id", b"b")]),
        b"",
        0,
    )
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert (environ["HTTP_X_REQUEST_ID"], environ["REMOTE_ADDR"]) == ("a,b", "192.0.2.7")


def test_cookies_of_several_lines_are_one_cookie_header() -> None:
    environ = asgi._environ(_scope(headers=[(b"cookie", b"a=1"), (b"cookie", b"b=2")]), b"", 0)
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_a_path_of_other_letters_arrives_as_it_was_sent() -> None:
    assert asgi._environ(_scope("/straße/"), b"", 0)["PATH_INFO"].encode("latin-1").decode() == "/straße/"


def test_more_requests_than_can_be_answered_in_time_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "WAITING", 0)
    status, headers, body = _ask(_scope())
    assert (status, headers["retry-after"], headers["content-type"]) == (
        503,
        "5",
        "text/plain; charset=utf-8",
    )
    assert b"waiting" in body


def test_requests_that_were_held_back_to_end_at_once_find_no_more_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging, few = threading.Event(), Threads(1)
    monkeypatch.setattr(asgi, "threads", few)
    monkeypatch.setattr(asgi, "WAITING", 2)
    scope = _scope("/nowhere/", method="POST", headers=[(b"content-length", b"1")])

    async def end_at_once() -> list[int]:
        first, ends, told = asyncio.create_task(few.run(hanging.wait)), asyncio.Event(), []

        async def receive() -> Any:
            await ends.wait()
            return {"type": "http.request", "body": b"x"}

        async def send(message: Any) -> None:
            if "status" in message:
                told.append(message["status"])
                hanging.set()

        many = [asyncio.create_task(asgi.application(scope, receive, send)) for _ in range(10)]
        await asyncio.sleep(0)
        ends.set()
        await asyncio.gather(first, *many)
        return told

    statuses = asyncio.run(end_at_once())
    assert statuses[:-1] == [503] * 9
    assert statuses[-1] != 503


def test_who_waits_too_long_for_an_answer_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, few = threading.Event(), Threads(1)
    monkeypatch.setattr(asgi, "threads", few)
    monkeypatch.setattr(asgi, "ANSWER_SECONDS", 0.05)

    async def wait_behind_one_that_hangs() -> tuple[int, dict[bytes, bytes], Any]:
        first = asyncio.create_task(few.run(hanging.wait))
        await asyncio.sleep(0)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await asgi.application(_scope("/api/v1/me/"), _nothing, send)
        assert few.busy == 2
        hanging.set()
        await first
        return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])

    status, headers, problem = asyncio.run(wait_behind_one_that_hangs())
    assert (status, headers[b"retry-after"], problem["code"]) == (503, b"5", "unavailable")
    assert headers[b"content-type"] == b"application/problem+json"


async def _nothing() -> Any:
    await asyncio.sleep(3_600)


def test_a_client_that_goes_away_is_no_fault() -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = _scope("/api/v1/login/", method="POST", headers=[(b"content-length", b"1000")])
    asyncio.run(asgi.application(scope, receive, send))
    assert sent == []


def _file(request: HttpRequest, size: int) -> FileResponse:
    path = Path(settings.DATA_DIR) / "file.txt"
    path.write_bytes(b"x" * size)
    return FileResponse(path.open("rb"))


urlpatterns = [path("file/<int:size>/", _file)]


@pytest.mark.parametrize(("size", "parts"), [(asgi.PART, 1), (asgi.PART + 1, 3)])
@override_settings(ROOT_URLCONF=__name__)
def test_a_short_file_goes_out_at_once_and_a_long_one_in_parts(size: int, parts: int) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asgi.application(_scope(f"/file/{size}/"), _nothing, send))
    assert len(sent[1:]) == parts
    assert b"".join(one["body"] for one in sent[1:]) == b"x" * size


def test_a_request_without_a_body_is_not_waited_for() -> None:
    assert _ask(_scope(), ends=False)[0] == 404

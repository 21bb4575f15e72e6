"""The HTTP door of `manage.py serve`: requests are read whole before a thread is spent on them.

Django's WSGI handler in a few threads behind an asynchronous server: a client that sends or reads slowly holds no thread, so a few of
them cannot stop everybody else. (Django's own ASGI handler costs several times as much; docs/designs/server.md has the figures.)
"""

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from portal.wsgi import application as wsgi  # first: it loads the apps, whose models the next ones need

# isort: split
from core.middleware import API_PREFIX, as_read_by, media_of_problem, problem_body
from portal.threads import Threads

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


BODY_SECONDS = 10.0
ANSWER_SECONDS = 20.0  # longer than SQLite waits for a lock; whoever waits longer is told so
WAITING = 256  # requests that may wait for a thread; more would be answered too late to matter
PART = 65_536  # of a streamed answer; a file that is no longer goes out at once

threads = Threads(settings.HTTP_THREADS)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """One HTTP request, by ASGI 3.0. Sockets are refused: nothing here speaks them yet."""
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1000})
        return
    if scope["path"] == "/livez" and scope["method"] in {"GET", "HEAD"} and not scope["query_string"]:
        await _tell(send, 200, b"ok\n", b"text/plain")  # also while every thread waits for a dead database
        return
    body, length = b"", 0
    if threads.busy < WAITING and _has_body(scope):
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body, length = await _read(receive)
        except TimeoutError:
            await _refuse(scope, send, 408, "too_slow", "The request did not arrive in time.")
            return
        except ConnectionResetError:
            return
    if threads.busy >= WAITING:  # looked at again, for many bodies may end at once
        await _refuse(scope, send, 503, "unavailable", "Too many requests are waiting. Please try again.")
        return
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            status, headers, body, stream = await threads.run(partial(_answer, _environ(scope, body, length)))
    except TimeoutError:
        sentence = "There was no answer in time. Please see whether it was done before trying again."
        await _refuse(scope, send, 503, "unavailable", sentence)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if stream is None:
        await send({"type": "http.response.body", "body": body})
    else:
        await _stream(stream, send)


def _has_body(scope: Scope) -> bool:
    # HTTP/2 has frames in place of these two headers.
    return scope["http_version"] == "2" or any(
        name in {b"content-length", b"transfer-encoding"} for name, _value in scope["headers"]
    )


async def _read(receive: Receive) -> tuple[bytes, int]:
    """The body and its length; of one that is too long only the length so far, by which it is refused."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return b"", length
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts), length


@lru_cache(maxsize=256)
def _variable(name: bytes) -> str:
    """What PEP 3333 calls a header; empty for one that has no name of its own there."""
    text = name.decode("latin-1")
    if "_" in text:
        return ""  # X_Forwarded_For would become the same variable as X-Forwarded-For
    variable = text.upper().replace("-", "_")
    return variable if variable in {"CONTENT_LENGTH", "CONTENT_TYPE"} else f"HTTP_{variable}"


def _environ(scope: Scope, body: bytes, length: int) -> dict[str, Any]:
    """The same request as PEP 3333 has it."""
    server = scope.get("server") or (urlsplit(settings.PUBLIC_URL).hostname, settings.HTTP_PORT)
    client = scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, raw in scope["headers"]:
        variable, value = _variable(name), raw.decode("latin-1")
        if variable in environ and variable.startswith("HTTP_"):
            joiner = "; " if variable == "HTTP_COOKIE" else ","
            value = f"{environ[variable]}{joiner}{value}"
        environ[variable] = value
    environ.pop("", None)
    # What was declared is what is judged; a body without a declared length (chunked) is judged by what it was.
    if not environ.get("CONTENT_LENGTH"):
        environ["CONTENT_LENGTH"] = str(length)
    return environ


def _answer(environ: dict[str, Any]) -> tuple[int, Headers, bytes, Any]:
    """In a thread: status, headers, and either the whole body or what streams it."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_error: Any) -> None:
        started[:] = status, headers

    response: Any = wsgi(environ, start_response)  # type: ignore[arg-type]  # Django never uses what it returns
    status = int(started[0][:3])
    headers = [(_name(name), value.strip().encode("latin-1")) for name, value in started[1]]
    if response.streaming:
        response.block_size = PART
        if not 0 <= int(response.headers.get("Content-Length", -1)) <= PART:
            return status, headers, b"", response
    try:
        return status, headers, b"".join(response), None
    finally:
        response.close()


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")


async def _stream(stream: Any, send: Send) -> None:
    """Part by part: a thread makes each, and none waits while it travels."""
    parts: Iterator[bytes] = iter(stream)
    try:
        while (part := await threads.run(partial(next, parts, None))) is not None:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await threads.run(stream.close)


async def _refuse(scope: Scope, send: Send, status: int, code: str, sentence: str) -> None:
    again = [(b"retry-after", b"5")] if status == 503 else []
    if scope["path"].startswith(API_PREFIX):
        body = json.dumps(as_read_by(scope["path"], problem_body(status, code, sentence))).encode()
        await _tell(send, status, body, media_of_problem(scope["path"]).encode(), again)
    else:
        await _tell(send, status, sentence.encode(), b"text/plain; charset=utf-8", again)


async def _tell(send: Send, status: int, body: bytes, kind: bytes, more: Headers | None = None) -> None:
    """A short answer without a thread; a connection of which something went wrong is not kept."""
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *(more or []),
        *([(b"connection", b"close")] if status >= 400 else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The HTTP door of `manage.py serve`: requests are read whole before a thread is spent on them.

Django's WSGI handler in a thread pool behind an asynchronous server: a client that sends or reads slowly holds no thread, so a few of
them cannot stop everybody else. (Django's own ASGI handler costs several times as much.)
"""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from portal.wsgi import application as wsgi

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Fewer threads than the database pool has connections (10); more would only wait for each other.
THREADS = 8
BODY_SECONDS = 10.0
WAITING = 256  # requests that may wait for a thread; more would be answered too late to matter

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="http")
_busy = 0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """One HTTP request, by ASGI 3.0. Sockets are refused: nothing here speaks them yet."""
    global _busy
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1000})
        return
    if _busy >= WAITING:
        await _plain(send, 503, "Too many requests are waiting. Please try again.")
        return
    try:
        body, length = await asyncio.wait_for(_read(receive), BODY_SECONDS)
    except TimeoutError:
        await _plain(send, 408, "The request did not arrive in time.")
        return
    except ConnectionResetError:
        return
    _busy += 1
    try:
        await _answer(_environ(scope, body, length), send)
    finally:
        _busy -= 1


def _has_body(scope: Scope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _value in scope["headers"])


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


def _environ(scope: Scope, body: bytes, length: int) -> dict[str, Any]:
    """The same request as PEP 3333 has it."""
    server = scope.get("server") or (urlsplit(settings.PUBLIC_URL).hostname, settings.HTTP_PORT)
    client = scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    declared = ""
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if "_" in name:
            continue  # X_Forwarded_For would become the same variable as X-Forwarded-For
        if name == "content-length":
            declared = value
        elif name == "content-type":
            environ["CONTENT_TYPE"] = value
        else:
            key = "HTTP_" + name.upper().replace("-", "_")
            joiner = "; " if name == "cookie" else ","
            environ[key] = f"{environ[key]}{joiner}{value}" if key in environ else value
    # What was declared is what is judged; a body without a declared length (chunked) is judged by what it was.
    environ["CONTENT_LENGTH"] = declared or str(length)
    return environ


def _run(environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes, Any]:
    """In a thread: status, headers, and either the whole body or what streams it."""
    started: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], *_error: Any) -> None:
        started.update(status=status, headers=headers)

    response: Any = wsgi(environ, start_response)  # type: ignore[arg-type]  # Django never uses what it returns
    if getattr(response, "streaming", False):
        return started["status"], started["headers"], b"", response
    try:
        return started["status"], started["headers"], b"".join(response), None
    finally:
        _close(response)


def _close(response: Iterable[bytes]) -> None:
    close = getattr(response, "close", None)
    if close is not None:
        close()


async def _answer(environ: dict[str, Any], send: Send) -> None:
    loop = asyncio.get_running_loop()
    status, headers, body, stream = await loop.run_in_executor(_pool, _run, environ)
    raw = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": int(status.split(" ", 1)[0]), "headers": raw})
    if stream is None:
        await send({"type": "http.response.body", "body": body})
        return
    # Part by part: a thread makes each, and none waits while it travels.
    parts: Iterator[bytes] = iter(stream)
    try:
        while (part := await loop.run_in_executor(_pool, next, parts, None)) is not None:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await loop.run_in_executor(_pool, _close, stream)


async def _plain(send: Send, status: int, sentence: str) -> None:
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send(
        {"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close")]}
    )
    await send({"type": "http.response.body", "body": body})

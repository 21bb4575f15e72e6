"""Requests, who sends them, and what comes back, made comparable."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urlencode

from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.middleware import SESSION_COOKIE
from accounts.models import SessionKind, User
from accounts.sessions import Client as Program
from accounts.sessions import start_session
from tests.isolation.them import Them

# Ours are never read; whoever reads one takes the caller's word for where he belongs.
_OWN_TENANT = ("X-Tenant", "X-Tenant-Id", "X-Company", "X-Company-Id", "X-Organization-Id")
_ALWAYS_NEW = (
    "Expires",
    "X-Request-Id",
    "Content-Length",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Server-Timing",
)
_NEW_EACH_TIME = re.compile(
    r'(?<=name="csrfmiddlewaretoken" value=")[^"]+'
    r"|\b(?:[0-9a-f]{32}|[0-9a-f]{64})\b|\d{8}-\d{6}|\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)?"
    r"|\b\d+:\d\d:\d\d\b"
    r'|(?<="handle": ")[^"]+|(?<="handle":")[^"]+|(?<=cursor=)[\w%.:-]+'
)


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    data: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        """The address with what is asked of it."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def __str__(self) -> str:
        said = f" {self.data}"[:300] if self.data is not None else ""
        return f"{self.method} {self.url}{said}"


class Sort(Enum):
    """What a request tries."""

    NAMES = "the address itself names an object, so it has to be 404"
    PLAIN = "the address alone"
    REFERS = "a body or form that refers to an object"
    ASKS = "a list asked for objects"


@dataclass(frozen=True)
class Case:
    """A request that names somebody's objects, for whomever they are."""

    sort: Sort
    make: Callable[[Them], Call]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body of an answer of the API."""
        return json.loads(self.text)

    def without(self, call: Call, them: Them, *, word: bool) -> "Answer":
        """The answer with what the request itself had said, and what is new each time, taken out."""
        request, said = json.dumps([call.path, call.query, call.data, call.headers], default=str), []
        for name in them.names():
            if name in request and (word or name != them.word):
                request = request.replace(name, "")
                said += [name, quote(name), quote(quote(name))]

        def tidy(text: str) -> str:
            for name in said:
                text = text.replace(name, "NAME")
            return _NEW_EACH_TIME.sub("NEW", text)

        headers = {name: tidy(value) for name, value in self.headers.items() if name not in _ALWAYS_NEW}
        return Answer(self.status, headers, tidy(self.text))


class _Quick(Client):
    """The test client without its notes about templates, which cost as much as the page."""

    def request(self, **request: Any) -> Any:
        return self.handler(self._base_environ(**request))


class Visitor:
    """Somebody with a browser, signed in unless `user` is None."""

    def __init__(self, name: str, user: User | None, *, company: str = "") -> None:
        self.name, self.user, self._company = name, user, company
        self._client = _Quick()
        self._cookies = SimpleCookie()
        self._read: dict[str, Any] = {}
        if user is not None:
            program = Program(address="127.0.0.1", user_agent="visitor")
            _session, secret = start_session(
                user,
                kind=SessionKind.PAGE,
                methods=["pwd", "otp"],
                client=program,
                browser=None,
                now=timezone.now(),
            )
            self._cookies[SESSION_COOKIE] = secret

    def send(self, call: Call) -> Answer:
        """Send it, as if nothing had been sent before."""
        self._client.cookies = SimpleCookie(self._cookies.output(header="", sep=";"))
        path = call.url
        headers = dict(call.headers) | dict.fromkeys(_OWN_TENANT, self._company)
        body, kind = b"", "application/octet-stream"
        if isinstance(call.data, bytes):
            body, kind = call.data, "application/xml"
        elif call.data is not None and path.startswith(("/api/", "/.well-known/", "/cobrowse/rest/")):
            body, kind = json.dumps(call.data).encode(), "application/json"
        elif call.data is not None:
            body, kind = urlencode(call.data, doseq=True).encode(), "application/x-www-form-urlencoded"
        response = self._client.generic(call.method, path, body, content_type=kind, headers=headers)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        return Answer(
            response.status_code,
            dict(response.headers) | {"cookies": " ".join(sorted(response.cookies))},
            content.decode(errors="replace"),
        )

    def read(self, path: str) -> Any:
        """What the page at this address was made from; something with `get`."""
        if path not in self._read:
            client = Client(raise_request_exception=False)
            client.cookies = SimpleCookie(self._cookies.output(header="", sep=";"))
            context = client.get(path).context
            self._read[path] = context if context is not None else {}
        return self._read[path]


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside is taken back, so that each request meets the same world."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's own TestCase marks the block around a test
    with block:
        yield
        transaction.set_rollback(True)

"""Somebody with a network address who comes to the installation: through its nginx, or straight to a node."""

import json
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.journeys.pages import Page
from tests.services.certificates import Certificate
from tests.services.nginx import Front
from tests.services.product import Product


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The answer of the API."""
        return dict(json.loads(self.text or "{}"))

    @property
    def page(self) -> Page:
        """The page."""
        return Page(self.text)


class _ByName(HTTPSConnection):
    """To this machine, from one of its addresses, asking for a host by its name."""

    def __init__(self, front: Front, tls: Certificate, *, address: str) -> None:
        super().__init__(front.host, timeout=15)
        self._front, self._address = front, address
        self._tls = ssl.create_default_context(cafile=str(tls.authority))

    def connect(self) -> None:
        plain = socket.create_connection(
            ("127.0.0.1", self._front.port), timeout=15, source_address=(self._address, 0)
        )
        self.sock = self._tls.wrap_socket(plain, server_hostname=self._front.host)


@dataclass
class Visitor:
    """A browser or program at `address`; it keeps its cookies."""

    front: Front
    tls: Certificate
    address: str = "127.0.0.5"
    cookies: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        form: dict[str, str] | None = None,
        at: Product | None = None,
        bearer: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask through nginx, or `at` a node as nginx would hand it on."""
        sent = {"Host": self.front.host, "User-Agent": "Visitor/1.0", "Accept-Language": "en"}
        data = None
        if body is not None:
            sent["Content-Type"], data = "application/json", json.dumps(body)
        if form is not None:
            sent["Content-Type"], data = "application/x-www-form-urlencoded", urlencode(form)
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if at is not None:
            sent |= {"X-Forwarded-For": self.address, "X-Forwarded-Proto": "https"}
        door: HTTPConnection = (
            _ByName(self.front, self.tls, address=self.address)
            if at is None
            else HTTPConnection("127.0.0.1", at.port, timeout=15)
        )
        return self._answer(door, method, path, data, sent | (headers or {}))

    def straight(self, node: Product, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Ask a node past nginx, from one's own address."""
        data = None if body is None else json.dumps(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        door = HTTPConnection("127.0.0.1", node.port, timeout=15, source_address=(self.address, 0))
        sent = {"Host": self.front.host, "Content-Type": "application/json"} | given
        return self._answer(door, method, path, data, sent)

    def _answer(
        self, door: HTTPConnection, method: str, path: str, data: str | None, headers: dict[str, str]
    ) -> Answer:
        try:
            door.request(method, path, data, headers)
            came = door.getresponse()
            text = came.read().decode()
        finally:
            door.close()
        for line in came.headers.get_all("Set-Cookie") or []:
            for name, cookie in SimpleCookie(line).items():
                self.attributes[name] = cookie
                if cookie.value:
                    self.cookies[name] = cookie.value
                else:
                    self.cookies.pop(name, None)
        return Answer(status=came.status, headers=came.headers, text=text)

    def sign_in(self, username: str, password: str, *, nodes: list[Product | None]) -> dict[str, Any]:
        """User name and password over the API, step by step at these nodes in turn; the last answer."""
        begun = self.ask("POST", "/api/v1/login/", {"username": username}, at=nodes[0])
        assert begun.status == 201, begun.text
        proof = {"handle": begun.body["handle"], "password": password}
        answer = self.ask("POST", "/api/v1/login/password/", proof, at=nodes[-1])
        return {"handle": begun.body["handle"], **answer.body}

"""Every door of the running product is tried with words that stand nowhere else; then they are looked for wherever it writes."""

import http.client
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.forms import BaseForm
from rest_framework.serializers import Serializer

from tests.isolation.routes import ROUTES, VERBS, Route
from tests.services.product import Product, running_product
from tests.services.smtp import code_in
from tests.waiting import until

ROSA, ADA = "rosa@gatehouse.example", "ada@acme.example"
# Short, and of letters: a word that the scrubber does not know as a secret, so only what is never logged is not found.
MARK = "Quagga"
SECRET_NAME = re.compile(r"password|code|token|handle|secret|challenge|refresh|^value$|^q$")
_numbers = count(100_000)
SIGN_OUT = ("logout", "o/logout/now", "o/authorize/other")
SPOKEN = (
    "System check", "Gatehouse is at", "  admin ", "  REST API", "  its mails", "  people", "  password", "Ctrl-C", "Demo data",
)  # fmt: skip


def word(kind: str = "hidden") -> str:
    """A word that nobody has said before; a hidden one may stand in no table either."""
    return f"{MARK}{kind}{next(_numbers)}"


@dataclass
class Caller:
    """A browser or program that keeps cookies and comes from another network each time, as limits count by network."""

    product: Product
    bearer: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def __post_init__(self) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", self.product.port, timeout=20)

    def ask(self, verb: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """One request."""
        self.asked += 1
        sent = {
            "Host": f"127.0.0.1:{self.product.port}",
            "X-Forwarded-For": f"10.{self.asked >> 8 & 255}.{self.asked & 255}.{id(self) & 127}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if self.bearer:
            sent["Authorization"] = f"Bearer {self.bearer}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._line.request(verb, path, body or None, sent)
            answer = self._line.getresponse()
            told = answer.read()
        except (http.client.HTTPException, ConnectionError):
            self._line.close()  # the server closes after what it cannot read
            return 0, b""
        for given in answer.headers.get_all("Set-Cookie", []):
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, told

    def is_in(self, path: str) -> bool:
        """Whether this page opens, on a line that has not stood idle until the server closed it."""
        self._line.close()
        return self.ask("GET", path)[0] == 200

    def form(self, path: str, **fields: str) -> tuple[int, bytes]:
        """Send the form of a page."""
        body = urlencode({"csrfmiddlewaretoken": self.cookies.get("csrf", ""), **fields}).encode()
        return self.ask("POST", path, body, Content_Type="application/x-www-form-urlencoded")

    def json(self, path: str, **values: Any) -> dict[str, Any]:
        """Call the API."""
        _status, told = self.ask("POST", path, json.dumps(values).encode(), Content_Type="application/json")
        return json.loads(told or b"{}")


def _field_names() -> list[str]:
    """Every name that a form or a serializer of the product reads."""

    def below(base: type) -> Iterator[type]:
        for one in base.__subclasses__():
            yield one
            yield from below(one)

    names = {name for one in below(BaseForm) for name in getattr(one, "base_fields", {})}
    names |= {name for one in below(Serializer) for name in getattr(one, "_declared_fields", {})}
    return sorted(names | {"username", "handle", "refresh_token", "attempt", "next"})


def _path(route: Route) -> str:
    """The address with a word of ours wherever one fits, else with an id that nobody has."""
    ids = {"int": "987654321", "uuid": "0f0f0f0f-0000-4000-8000-000000000000"}
    return "/" + quote(
        re.sub(r"<(?:(\w+):)?(\w+)>", lambda found: ids.get(found[1], word()), route.text), safe="/"
    )


def _body(names: list[str], *, plain: bool, for_api: bool) -> tuple[bytes, str]:
    kinds = {name: "hidden" if SECRET_NAME.search(name) and not plain else "plain" for name in names}
    values = {name: word(kind) for name, kind in kinds.items()}
    if not for_api:
        return urlencode(values).encode(), "application/x-www-form-urlencoded"
    nested = {name: [value, {name: value}] if name == "value" else value for name, value in values.items()}
    return json.dumps(nested).encode(), "application/json"


def _everywhere(caller: Caller, *, plain: bool) -> None:
    """Every verb at every address, with our words in its path, query, headers and body."""
    names = _field_names()
    assert {"password", "new_password", "code", "handle", "refresh_token", "username", "token"} <= set(names)
    for route in ROUTES.values():
        for_api = route.text.startswith("api/")
        if route.text.startswith(SIGN_OUT) or (caller.bearer and not for_api) or (caller.cookies and for_api):
            continue
        for verb in VERBS:
            query = urlencode(
                {name: word() for name in ("password", "code", "access_token", "q", "next", f"{word()}__x")}
            )
            headers = {
                "X_Odd": word(),
                "Referer": f"https://elsewhere.example/{word()}",
                "Accept_Language": word(),
            }
            if not caller.bearer and not caller.cookies:
                headers |= {
                    "Authorization": f"Bearer {word()}",
                    "Cookie": f"session={word()}; attempt={word()}; csrf={word()}",
                }
            address = f"{_path(route)}?{query}"
            if verb in {"GET", "HEAD", "OPTIONS"}:
                caller.ask(verb, address, **headers)
                continue
            body, kind = _body(names, plain=plain, for_api=for_api)
            if "csrf" in caller.cookies:
                headers["X_CSRFToken"] = caller.cookies["csrf"]
            caller.ask(verb, address, body, Content_Type=kind, **headers)


def _oddities(caller: Caller) -> None:
    """What no browser sends."""
    for path in ("/login/", "/api/v1/login/", "/api/v1/login/password/", f"/{word()}/{word()}"):
        for kind in (
            "application/json",
            "application/x-www-form-urlencoded",
            f"multipart/form-data; boundary={word()}",
            word(),
        ):
            for body in (
                f'{{"password": "{word()}", '.encode(),
                f'["{word()}"]'.encode(),
                b'{"username": "\xff' + word().encode() + b'"}',
                f"--{word()}\r\nContent-Disposition: form-data; name=x\r\n\r\n{word()}".encode(),
                (word() * 70_000).encode()[:1_000_001],
            ):  # fmt: skip
                caller.ask("POST", path, body, Content_Type=kind)
    caller.ask(word().upper(), f"/{word()}")
    caller.ask("GET", f"/login/?next=//{word()}.example", Host=f"{word()}.example")
    caller.ask("GET", f"/login/forgotten/{word()}%0d%0aInjected:{word()}/")
    caller.ask("POST", "/login/", b"x", Content_Type="text/plain", Origin=f"https://{word()}.example")
    caller.ask("POST", "/login/", b"x", Content_Length=word())


def _mail(product: Product, caller: Caller, ask: Any) -> str:
    before = set(product.mails())

    def arrived() -> list[str]:
        texts = [path.read_text() for path in set(product.mails()) - before]
        return [text for text in texts if "</html>" in text]

    ask()
    until(arrived, seconds=10)
    return arrived()[0]


def _code(mail: str) -> str:
    code = code_in(mail)
    assert code, mail
    return code


def _page_sign_in(product: Product, secrets: dict[str, str]) -> Caller:
    page = Caller(product)
    page.ask("GET", "/login/")
    page.form("/login/", username=ROSA)
    page.form("/login/password/", password=word())
    mail = _mail(product, page, lambda: page.form("/login/password/", password=product.password))
    secrets["attempt cookie"] = page.cookies["attempt"]
    secrets["mailed code"] = _code(mail)
    page.form("/login/code/", code=word()[:10])
    page.form("/login/code/", code=secrets["mailed code"])
    assert page.ask("GET", "/admin/")[0] == 200
    secrets |= {f"{name} cookie": page.cookies[name] for name in ("session", "browser", "csrf")}
    return page


def _api_sign_in(product: Product, secrets: dict[str, str]) -> Caller:
    api = Caller(product)
    handle = secrets["handle"] = api.json("/api/v1/login/", username=ADA)["handle"]
    api.json("/api/v1/login/password/", handle=handle, password=word())
    mail = _mail(
        product, api, lambda: api.json("/api/v1/login/password/", handle=handle, password=product.password)
    )
    secrets["code for a program"] = _code(mail)
    done = api.json("/api/v1/login/code/", handle=handle, code=secrets["code for a program"])
    secrets["access token"], secrets["refresh token"] = done["access_token"], done["refresh_token"]
    again = api.json("/api/v1/tokens/refresh/", refresh_token=done["refresh_token"])
    api.bearer = secrets["second access token"] = again["access_token"]
    assert api.ask("GET", "/api/v1/me/")[0] == 200
    return api


def _forgotten(product: Product, secrets: dict[str, str]) -> None:
    page = Caller(product)
    page.ask("GET", "/login/forgotten/")
    mail = _mail(product, page, lambda: page.form("/login/forgotten/", username="ben@acme.example"))
    link = re.search(r"(/login/forgotten/\S+?\.([\w-]{86})/)", mail.replace("=\n", ""))
    assert link, mail
    secrets["link"] = link[2]
    for verb, path in (("GET", link[1]), ("PUT", link[1]), ("GET", link[1] + "x"), ("POST", link[1])):
        page.ask(verb, path)
    page.form(link[1], new_password=word())
    page.form("/login/change-password/", new_password=product.password[:13], current_password=word())


def _broken_rows(product: Product, secrets: dict[str, str]) -> None:
    """Times that are none: a fault of ours, with tracebacks, while the request carries secrets."""
    with sqlite3.connect(product.folder / "db.sqlite3", timeout=10) as database:
        database.execute("UPDATE accounts_session SET expires_at = 'broken'")
        database.execute("UPDATE core_epoch SET version = version + 1")
    page = Caller(product, cookies={name: secrets[f"{name} cookie"] for name in ("session", "csrf")})
    until(lambda: page.ask("GET", f"/account/?x={word()}", X_Odd=word())[0] == 500, seconds=5)
    status, _told = page.form(f"/account/password/?x={word()}", current_password=word(), new_password=word())
    assert status == 500


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Product, dict[str, str]]]:
    """The product after a day on which every door was tried, and the secrets that it gave out."""
    secrets: dict[str, str] = {}
    environment = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "TRUSTED_PROXIES": "127.0.0.1/32"}
    with running_product(tmp_path_factory.mktemp("day"), **environment) as product:
        secrets["password"] = product.password
        for line in (product.folder / "keys.env").read_text().splitlines():
            name, _, value = line.partition("=")
            secrets |= {
                f"{name} {part[:2]}": part.strip("'\"= ")
                for part in re.split(r"[,:]", value)
                if len(part) > 20
            }
        page, api = _page_sign_in(product, secrets), _api_sign_in(product, secrets)
        _forgotten(product, secrets)
        _everywhere(Caller(product), plain=False)
        _everywhere(api, plain=True)
        _everywhere(page, plain=True)
        assert page.is_in("/admin/")
        assert api.is_in("/api/v1/me/")
        _oddities(Caller(product))
        _broken_rows(product, secrets)  # the last thing: nobody can sign in after it
        yield product, secrets


def _holds(text: str, secret: str) -> bool:
    # Digits may stand in a longer number by chance; a code stands alone.
    if secret.isdigit():
        return re.search(rf"(?<![0-9a-f.]){secret}(?![0-9a-f])", text) is not None
    return secret in text


def test_no_line_of_any_process_holds_what_a_request_brought(day: tuple[Product, dict[str, str]]) -> None:
    product, secrets = day
    log = product.log
    found = [line[:600] for line in log.splitlines() if MARK in line or MARK.upper() in line]
    assert found == []
    assert [name for name, secret in secrets.items() if _holds(log, secret)] == []


def test_every_line_is_an_object_and_every_request_has_one(day: tuple[Product, dict[str, str]]) -> None:
    product, _secrets = day
    lines = [line for line in product.log.splitlines() if line and not line.startswith(SPOKEN)]
    objects = [json.loads(line) for line in lines]
    answered = [one for one in objects if one["event"] == "answered"]
    assert len(answered) > 1_000
    assert {one["service"] for one in answered} == {"web"}
    assert all(one["request_id"] and one["status"] and one["ms"] >= 0 for one in answered)
    assert len(ROUTES) / 2 < len({one["route"] for one in answered}) <= len(ROUTES) + 2
    faults = [one for one in objects if one.get("status") == 500 and "exception" in one]
    assert faults
    assert all("Traceback (most recent call last)" in one["exception"] for one in faults)


def test_no_file_holds_a_secret_that_was_sent(day: tuple[Product, dict[str, str]]) -> None:
    product, secrets = day
    kept = {"keys.env", "demo-password.txt", "serve.log"}
    places = [
        one
        for one in product.folder.rglob("*")
        if one.is_file() and one.name not in kept and not {"outbox", "static", "locale"} & set(one.parts)
    ]
    assert any(place.name.startswith("db.sqlite3") for place in places)
    texts = {place: place.read_bytes().decode("latin-1") for place in places}
    found = [
        (place.name, text[max(0, at - 80) : at + 60]) for place, text in texts.items() for at in _places(text)
    ]
    assert found == []
    hidden = {name: value for name, value in secrets.items() if not value.isdigit()}
    assert [
        (name, place.name) for name, value in hidden.items() for place, text in texts.items() if value in text
    ] == []


def _places(text: str) -> list[int]:
    return [found.start() for found in re.finditer(f"{MARK}hidden", text, re.IGNORECASE)][:5]

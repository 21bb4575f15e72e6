"""One story, two doors: the same test walks the pages and the REST API, and reads the same answers from both."""

import json
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from accounts.middleware import SESSION_COOKIE
from login.views import ATTEMPT_COOKIE
from tests.journeys.pages import Form, Page

HERE = "198.51.100.7"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a door answered: what is asked for now, whether the last thing was refused, and every word of it."""

    status: int
    step: str  # the step asked for now; `done`, or `ended` when the sign-in is over; "" when the answer does not say
    refused: bool
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


class Door(Protocol):
    """A way in."""

    name: str

    def begin(self, username: str, *, realm: str = "") -> Said:
        """Say who wants in."""

    def take(self, step: str, **fields: Any) -> Said:
        """Send the fields of a step, whether or not it is in turn."""

    def forgotten(self, username: str) -> Said:
        """Ask for a link to set a new password."""

    def magic(self, email: str, **more: str) -> Said:
        """Ask for a link to sign in, or with `join` to join."""

    def register(self, email: str, **more: str) -> Said:
        """Sign up."""

    def use(self, link: str, *, code: str = "") -> Said:
        """Use a mailed link."""

    def confirm(self) -> Said:
        """Begin to confirm who holds the session."""

    def is_in(self) -> bool:
        """Whether what needs a sign-in opens."""

    def leave(self) -> None:
        """End the session."""

    def stranger(self) -> "Door":
        """The same kind of door, in the hands of somebody else."""


def sign_in(door: Door, username: str, password: str) -> Said:
    """User name, then password."""
    said = door.begin(username)
    assert said.step == "password", said
    return door.take("password", password=password)


class WebDoor:
    """The pages, as a browser without scripts walks them: it follows redirects, and sends the forms that it was given."""

    name = "web"

    def __init__(self, *, address: str = HERE, agent: str = FIREFOX, **more: Any) -> None:
        self._given = {"address": address, "agent": agent, **more}
        self.browser = Client(
            enforce_csrf_checks=True,
            SERVER_NAME="127.0.0.1",
            REMOTE_ADDR=address,
            HTTP_USER_AGENT=agent,
            HTTP_ACCEPT_LANGUAGE="en",
            **more,
        )
        self.address = "/login/"
        self.answer = HttpResponse()
        self.trail: list[HttpResponse] = []  # every answer to the last request, redirects included

    def open(self, path: str, **headers: Any) -> Page:
        """Open a page."""
        return self._arrive(path, self.browser.get(path, **headers))

    def send(self, form: Form, **fields: Any) -> Page:
        """Send a form of the page that is open."""
        path = urljoin(self.address, form.action) if form.action else self.address
        return self.post(path, **(form.values | fields))

    def post(self, path: str, **fields: Any) -> Page:
        """Send fields to any address, with the token of this browser."""
        token = self.browser.cookies.get(settings.CSRF_COOKIE_NAME)
        fields = {name: value for name, value in fields.items() if value is not None}
        fields.setdefault("csrfmiddlewaretoken", token.value if token else "")
        return self._arrive(path, self.browser.post(path, fields))

    def _arrive(self, path: str, answer: Any) -> Page:
        self.trail, hops = [answer], 0
        while answer.status_code in {301, 302, 303} and hops < 6:
            path, hops = urljoin(path, answer["Location"]), hops + 1
            answer = self.browser.get(path)
            self.trail.append(answer)
        self.address, self.answer = path, answer
        return self.page

    @property
    def page(self) -> Page:
        """The page that is open."""
        return Page(self.answer.content.decode())

    def said(self) -> Said:
        """The open page as an answer."""
        page, path = self.page, urlsplit(self.address).path
        parts = path.strip("/").split("/")
        step = ""
        if path == "/login/":
            step = "username"
        elif self.answer.status_code == 401:
            step = "ended"
        elif parts[0] == "login" and len(parts) == 2 and parts[1] not in {"forgotten", "link"}:
            step = parts[1]
        elif parts[0] not in {"login", "register", "join"}:
            step = "done"
        refused = bool(page.errors) or step == "ended"
        return Said(status=self.answer.status_code, step=step, refused=refused, text=page.text)

    def begin(self, username: str, *, realm: str = "") -> Said:
        """Say who wants in."""
        page = self.open("/login/")
        form = next(form for form in page.forms if "username" in form.values)
        self.send(form, username=username, realm=realm)
        return self.said()

    def take(self, step: str, **fields: Any) -> Said:
        """Send the form of the open page that goes to this step, or the bare fields where there is none."""
        path = f"/login/{step}/"
        found = next(
            (
                form
                for form in self.page.forms
                if urljoin(self.address, form.action or self.address) == path and form.method == "post"
            ),
            None,
        )
        if found is None:
            self.post(path, **fields)
        else:
            self.send(found, **fields)
        return self.said()

    def magic(self, email: str, **more: str) -> Said:
        """Ask for a link to sign in, on the page of an invitation where there is one."""
        join = more.pop("join", "")
        return self._asks(f"/join/{join}/" if join else "/login/link/", email=email, **more)

    def register(self, email: str, **more: str) -> Said:
        """Sign up."""
        company = more.pop("company", "")
        return self._asks("/register/" + (f"?company={company}" if company else ""), email=email, **more)

    def _asks(self, path: str, **fields: str) -> Said:
        page = self.open(path)
        form = next((form for form in page.forms if "email" in form.values), None)
        if form is not None:
            self.send(form, **fields)
        return self.said()

    def forgotten(self, username: str) -> Said:
        """Ask for a link."""
        page = self.open("/login/forgotten/")
        self.send(next(form for form in page.forms if "username" in form.values), username=username)
        return self.said()

    def use(self, link: str, *, code: str = "") -> Said:
        """Open the link and press its button, if there is one."""
        page = self.open(urlsplit(link).path)
        if self.answer.status_code == 401:
            return self.said()
        form = next(
            (form for form in page.forms if form.method == "post" and "csrfmiddlewaretoken" in form.values),
            None,
        )
        assert form is not None, page.text
        self.send(form, **({"code": code} if code else {}))
        return self.said()

    def confirm(self) -> Said:
        """Begin to confirm."""
        self.open("/login/confirm/?next=/account/")
        return self.said()

    def is_in(self) -> bool:
        """Whether the account page opens."""
        return self.browser.get("/account/").status_code == 200

    def leave(self) -> None:
        """Press “Sign out”."""
        form = self.open("/account/").form_to("/logout/")
        assert form is not None
        self.send(form)

    def stranger(self) -> "WebDoor":
        """Another browser."""
        return WebDoor(**self._given)

    @property
    def secrets(self) -> list[str]:
        """What this browser holds that nobody else may learn."""
        return [
            cookie.value
            for name, cookie in self.browser.cookies.items()
            if name in {SESSION_COOKIE, ATTEMPT_COOKIE}
        ]


class ApiDoor:
    """The REST API, as a program walks it."""

    name = "api"

    def __init__(self, *, address: str = HERE, agent: str = "integration/1.0", **more: Any) -> None:
        self._given = {"address": address, "agent": agent, **more}
        self.client = Client(SERVER_NAME="127.0.0.1", REMOTE_ADDR=address, HTTP_USER_AGENT=agent, **more)
        self.handle = ""
        self.access = self.refresh = ""
        self.body: dict[str, Any] = {}
        self.answer = HttpResponse()

    def post(self, path: str, body: Any = None, *, bearer: str = "", **headers: Any) -> Said:
        """Send JSON; `bytes` go as they are."""
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        if bearer:
            headers["HTTP_AUTHORIZATION"] = f"Bearer {bearer}"
        self.answer = self.client.post(path, data, content_type="application/json", **headers)
        return self._said()

    def get(self, path: str) -> Said:
        """Ask with the access token."""
        self.answer = self.client.get(path, **self._bearer)
        return self._said()

    def delete(self, path: str) -> Said:
        """Delete with the access token."""
        self.answer = self.client.delete(path, **self._bearer)
        return self._said()

    @property
    def _bearer(self) -> dict[str, str]:
        return {"HTTP_AUTHORIZATION": f"Bearer {self.access}"} if self.access else {}

    def _said(self) -> Said:
        self.body = json.loads(self.answer.content or b"{}")
        status = self.answer.status_code
        if not isinstance(self.body, dict):
            return Said(status=status, step="", refused=False, text=self.answer.content.decode())
        self.handle = self.body.get("handle", self.handle)
        self.access = self.body.get("access_token", self.access)
        self.refresh = self.body.get("refresh_token", self.refresh)
        refused = status >= 400
        step = self.body.get("step", "ended" if status == 401 else "")
        sentences = [one for field in self.body.get("errors", {}).values() for one in field]
        text = " ".join([str(self.body.get("detail", "")), *sentences])
        return Said(status=status, step=step, refused=refused, text=text, facts=self.body)

    def begin(self, username: str, *, realm: str = "") -> Said:
        """Say who wants in."""
        return self.post("/api/v1/login/", {"username": username} | ({"realm": realm} if realm else {}))

    def take(self, step: str, **fields: Any) -> Said:
        """Send the fields of a step."""
        return self.post(f"/api/v1/login/{step}/", {"handle": self.handle, **fields})

    def magic(self, email: str, **more: str) -> Said:
        """Ask for a link to sign in."""
        return self.post("/api/v1/login/magic-link/", {"email": email, **more})

    def register(self, email: str, **more: str) -> Said:
        """Sign up."""
        return self.post("/api/v1/register/", {"email": email, **more})

    def forgotten(self, username: str) -> Said:
        """Ask for a link."""
        return self.post("/api/v1/login/forgotten/", {"username": username})

    def use(self, link: str, *, code: str = "") -> Said:
        """Send the link's token with the handle of who asked, or with the short code."""
        token = urlsplit(link).path.rstrip("/").rpartition("/")[2]
        proof = {"code": code} if code else {"handle": self.handle}
        kind = "magic-link" if "/login/link/" in link else "forgotten"
        return self.post(f"/api/v1/login/{kind}/consume/", {"token": token, **proof})

    def confirm(self) -> Said:
        """Begin to confirm."""
        return self.post("/api/v1/me/confirm/", {}, bearer=self.access)

    def is_in(self) -> bool:
        """Whether the access token opens one's own data."""
        return bool(self.access) and self.client.get("/api/v1/me/", **self._bearer).status_code == 200

    def leave(self) -> None:
        """Revoke the token."""
        self.post("/api/v1/tokens/revoke/", {"token": self.access})

    def stranger(self) -> "ApiDoor":
        """Another program."""
        return ApiDoor(**self._given)

    @property
    def secrets(self) -> list[str]:
        """What this program holds that nobody else may learn."""
        return [one for one in (self.handle, self.access, self.refresh) if one]


DOORS: dict[str, type[WebDoor] | type[ApiDoor]] = {"web": WebDoor, "api": ApiDoor}

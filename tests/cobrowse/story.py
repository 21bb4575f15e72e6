"""What the tests of co-browse share: a company's applications, a customer on a page, and agents at desktops."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from cobrowse.applications import ApplicationDraft, create_application, set_options
from cobrowse.models import Application, CobrowseSession
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tests.cast import Api

TOKEN = "ABCDEFGHIJKLMNOPQRSTUV2345"
OTHER = "ZBCDEFGHIJKLMNOPQRSTUV2345"
SHOP = "https://shop.acme.example"
LIVE = "/cobrowse/rest/live"
HERE = "198.51.100.9"


def application(company: Company, kind: str, **options: str) -> Application:
    """An application of this company; options by their paths, with `_` in the place of `/` and `-`."""
    now, by = timezone.now(), system_actor()
    found = Application.objects.filter(company=company, type=kind).first()
    if found is None:
        made = create_application(
            ApplicationDraft(company=company, type=kind, name=f"{kind} of {company}"), by=by, now=now
        )
        assert isinstance(made, Application), made
        found = made
    paths = {
        "token": "slave/password" if kind == "cluster" else "cobrowse/password",
        "url": "cluster/url",
        "server_url": "cluster/serverUrl",
        "origins": "cross-origin/allowedOrigins",
    }
    changed = set_options(found, {paths[name]: value for name, value in options.items()}, by=by, now=now)
    assert not isinstance(changed, Denied), changed
    return changed


class Customer:
    """A page of a site, as its scripts call us."""

    def __init__(self, origin: str | None = SHOP, *, address: str = HERE) -> None:
        self.browser = Client(REMOTE_ADDR=address)
        self.headers = {} if origin is None else {"Origin": origin}
        self.user_token = ""

    def get(self, path: str, **headers: str) -> HttpResponse:
        """GET a path of co-browse."""
        return self.browser.get(path, headers={**self.headers, **headers})

    def post(self, path: str, data: Any = None, **headers: str) -> HttpResponse:
        """POST JSON."""
        return self.browser.generic(
            "POST",
            path,
            json.dumps({} if data is None else data),
            content_type="application/json",
            headers={**self.headers, **headers},
        )

    def starts(self, **more: Any) -> dict[str, Any]:
        """Start a session and be in it; what was answered."""
        answer = self.post(f"{LIVE}/sessions", {"role": 1, "name": "Carol"} | more)
        assert answer.status_code == 201, answer.content
        said: dict[str, Any] = answer.json()
        self.user_token = said["userToken"]
        return said

    def does(self, what: str, data: Any = None) -> HttpResponse:
        """What is done by the customer's userToken."""
        return self.post(f"{LIVE}/users/{self.user_token}/session/{what}", data)

    def sees(self) -> dict[str, Any]:
        """How the session stands for the customer."""
        answer = self.get(f"{LIVE}/users/{self.user_token}/session")
        assert answer.status_code == 200, answer.content
        return answer.json()


class Desktop(Api):
    """An agent's program: an access token, and at a desktop that has one, the agent token."""

    def __init__(self, user: User | None, token: str = "") -> None:
        super().__init__(user)
        if token:
            self.headers["X-Agent-Token"] = token
        self.user_token = ""

    def put(self, path: str, data: object) -> HttpResponse:
        """PUT JSON."""
        return self._call("PUT", path, data, {})

    def joins(self, digits: str, role: int = 2, **more: str) -> HttpResponse:
        """Join the session with these digits."""
        answer = self.post(f"{LIVE}/sessions/{digits}/join", {"role": role} | more)
        if answer.status_code == 200:
            self.user_token = answer.json()["userToken"]
        return answer

    def does(self, what: str, data: Any = None) -> HttpResponse:
        """What is done by the agent's userToken."""
        return self.post(f"{LIVE}/users/{self.user_token}/session/{what}", data)


def session(said: dict[str, Any]) -> CobrowseSession:
    """The row of a session that was started."""
    return CobrowseSession.objects.get(token=said["sessionToken"])

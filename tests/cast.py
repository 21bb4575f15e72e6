"""The cast of the tests: Ada administers Acme, Ben belongs to it, Cleo is of Globex, Mallory attacks; Root may do everything."""

import json
from collections.abc import Callable

from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from accounts.middleware import SESSION_COOKIE
from accounts.models import SessionKind, User
from accounts.principal import rights_of
from accounts.sessions import Client, start_session
from accounts.tokens.issue import TokenPair, token_pair
from audit.record import Origin
from tenants.actor import Actor
from tenants.models import Company, Role

FULL, COMPANY_ADMINISTRATOR, AGENT, MEMBER = "Full Administrator", "Company Administrator", "Agent", "Member"


def person(email: str, *, company: Company | None, role: str, name: str = "", **more: object) -> User:
    """A person with one of the built-in roles, a verified address, and no password that anybody could type."""
    user = User(
        username=email,
        email=email,
        display_name=name or email.partition("@")[0].capitalize(),
        company=company,
        password="!",
        email_verified_at=timezone.now(),
        **more,
    )
    user.save()
    user.roles.set([Role.objects.get(name=role, company=None)])
    return user


def acting(user: User) -> Actor:
    """This person as the one who asks for a change."""
    return Actor(rights=rights_of(user), origin=Origin(actor=user, address="192.0.2.1"))


def browser(user: User | None = None, **more: object) -> Browser:
    """A browser in which this person has signed in; without one, a stranger's."""
    found = Browser(**more)
    if user is not None:
        client = Client(address="127.0.0.1", user_agent="Test/1.0")
        _session, secret = start_session(
            user,
            kind=SessionKind.PAGE,
            methods=["pwd", "otp"],
            client=client,
            browser=None,
            now=timezone.now(),
        )
        found.cookies[SESSION_COOKIE] = secret
    return found


Browse = Callable[..., Browser]


class Api:
    """A program that speaks JSON with the API, as the holder of an access token, or with `user` None as a stranger."""

    def __init__(self, user: User | None) -> None:
        self.browser = Browser()
        self.headers: dict[str, str] = {}
        self.tokens: TokenPair | None = None
        if user is not None:
            now, client = timezone.now(), Client(address="127.0.0.1", user_agent="Program/1.0")
            self.session, _secret = start_session(
                user, kind=SessionKind.API, methods=["pwd", "otp"], client=client, browser=None, now=now
            )
            self.tokens = token_pair(self.session, now=now)
            self.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    def _call(self, method: str, path: str, data: object, headers: dict[str, str]) -> HttpResponse:
        url = path if path.startswith("/") else f"/api/v1/{path}"
        body = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
        more = {"content_type": "application/json"} | (
            {"content_type": headers.pop("Content-Type")} if "Content-Type" in headers else {}
        )
        return self.browser.generic(method, url, body, headers=self.headers | headers, **more)

    def get(self, path: str, **headers: str) -> HttpResponse:
        """GET a path below /api/v1/, or any path that begins with a slash."""
        return self._call("GET", path, None, headers)

    def post(self, path: str, data: object = None, headers: dict[str, str] | None = None) -> HttpResponse:
        """POST JSON, or bytes as they are."""
        return self._call("POST", path, {} if data is None else data, dict(headers or {}))

    def patch(self, path: str, data: object, headers: dict[str, str] | None = None) -> HttpResponse:
        """PATCH JSON, or bytes as they are."""
        return self._call("PATCH", path, data, dict(headers or {}))

    def delete(self, path: str) -> HttpResponse:
        """DELETE a path."""
        return self._call("DELETE", path, None, {})


Call = Callable[..., Api]

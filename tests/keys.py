"""API keys for tests: made by the verb, held by programs."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.api_keys import KeyDraft, make_key
from accounts.models import ApiKey, Session, SessionKind, User
from accounts.sessions import Client, start_session
from tests.cast import Api, acting

SCOPES = ("users:read",)


def session_of(user: User, *, now: datetime | None = None) -> Session:
    """A sign-in of this person that has just proved who he is."""
    started = start_session(
        user,
        kind=SessionKind.API,
        methods=["pwd", "otp"],
        client=Client(address="127.0.0.1", user_agent="Program/1.0"),
        browser=None,
        now=now or timezone.now(),
    )
    assert started is not None
    return started[0]


def attempted(maker: User, *, user: User | None = None, now: datetime | None = None, **given: Any) -> Any:
    """What comes of it when `maker` makes a key for himself or for `user`."""
    now = now or timezone.now()
    draft: dict[str, Any] = {"user": user or maker, "name": "import", "scopes": SCOPES, "days": 30} | given
    return make_key(KeyDraft(**draft), session=session_of(maker, now=now), by=acting(maker), now=now)


def made(maker: User, **given: Any) -> ApiKey:
    """A key that `maker` made."""
    key = attempted(maker, **given)
    assert isinstance(key, ApiKey), key
    return key


def program(secret: str) -> Api:
    """A program that holds this secret and nothing else."""
    found = Api(None)
    found.headers["Authorization"] = f"Bearer {secret}"
    return found

"""What the stories stand on: people with passwords, doors, a mail server that keeps what it gets, settings, and time."""

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from core import ratelimit
from core.models import Epoch
from core.outcomes import Denied
from delivery.tasks import drain
from tenants.actor import system_actor
from tenants.models import Company
from tenants.settings import change_settings
from tests.journeys.doors import DOORS, ApiDoor, Door, WebDoor
from tests.services.smtp import Mailbox, code_in, smtp_server, text_of

PASSWORD = "a lantern in the harbour 7"
NEW_PASSWORD = "two kettles under the bridge 8"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Time:
    """The time of day, moved by hand."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller

    def __call__(self) -> datetime:
        return timezone.now()

    def forward(self, **by: float) -> datetime:
        """Move on by so many seconds, minutes, hours or days."""
        self._traveller.shift(timedelta(**by))
        return timezone.now()


class Post:
    """The mails, fetched by having the worker's own task empty the outbox into a real server."""

    def __init__(self, box: Mailbox) -> None:
        self.box = box

    def deliver(self) -> None:
        """What the worker does when it is woken."""
        drain()

    def to(self, address: str) -> list[EmailMessage]:
        """Every mail to this address, oldest first."""
        self.deliver()
        return [mail for mail in self.box.mails if mail["To"] == address]

    def newest(self, address: str) -> str:
        """The text of the newest mail to this address."""
        mails = self.to(address)
        assert mails, f"no mail to {address}"
        return text_of(mails[-1])

    def code(self, address: str) -> str:
        """The code in the newest mail to this address."""
        code = code_in(self.newest(address))
        assert code, self.newest(address)
        return code

    def link(self, address: str) -> str:
        """The link in the newest mail to this address."""
        found = re.search(r"https?://\S+/(?:login/forgotten|login/link|join)/\S+", self.newest(address))
        assert found, self.newest(address)
        return found[0]


@pytest.fixture(autouse=True)
def quick_hashes(settings: Settings) -> None:
    """A hash that costs nothing: how dear the real one is, is tested where hashes are counted."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


_versions = itertools.count(1_000, 1_000)


@pytest.fixture(autouse=True)
def empty_caches(db: None) -> None:
    """A version that no test before had: a roll-back would bring an old one back, and with it what was cached under it."""
    Epoch.objects.update_or_create(pk=1, defaults={"version": next(_versions)})


@pytest.fixture(autouse=True)
def full_buckets() -> None:
    """The API's general rate starts afresh with every test."""
    ratelimit.NETWORKS.clear()
    ratelimit.PEOPLE.clear()


@pytest.fixture
def clock() -> Iterator[Time]:
    """Time that stands still until the test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield Time(traveller)


@pytest.fixture(scope="session")
def _server() -> Iterator[Mailbox]:
    with smtp_server() as box:
        yield box


@pytest.fixture
def post(_server: Mailbox, settings: Settings) -> Post:
    """A mail server that is up, and empty."""
    _server.mails.clear()
    _server.refuse.clear()
    _server.refuse_data = ""
    settings.EMAIL_URL = _server.url
    return Post(_server)


def _with_password(user: User) -> User:
    user.password, user.password_changed_at = make_password(PASSWORD), timezone.now()
    user.save()
    return user


@pytest.fixture
def ada(ada: User) -> User:
    """Administers Acme: a second factor is required of her."""
    return _with_password(ada)


@pytest.fixture
def ben(ben: User) -> User:
    """Belongs to Acme; no second factor is required of him, and he has turned none on."""
    return _with_password(ben)


@pytest.fixture
def cleo(cleo: User) -> User:
    """Administers Globex."""
    return _with_password(cleo)


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, db: None, clock: Time) -> Door:
    """Each of the two doors in turn."""
    return DOORS[request.param]()


@pytest.fixture
def web(db: None, clock: Time) -> WebDoor:
    """A browser."""
    return WebDoor()


@pytest.fixture
def api(db: None, clock: Time) -> ApiDoor:
    """A program."""
    return ApiDoor()


Configure = Callable[..., None]


def configure(company: Company | None = None, **values: Any) -> None:
    """Change settings: `configure(TwoFactor__Policy="required")`, for everybody or for one company."""
    given = {name.replace("__", ".").replace("_", "-"): value for name, value in values.items()}
    revised = change_settings(given, company=company, reason="a test", by=system_actor(), now=timezone.now())
    assert not isinstance(revised, Denied), revised

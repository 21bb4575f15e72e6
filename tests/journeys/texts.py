"""What the stories about text messages stand on: the twin of Twilio, and people with a verified number."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accounts.models import User
from delivery.drain import drain
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor
from tests.services.twilio import Twin, code_in, twilio_twin

NUMBER, OTHER, THIRD = "+4915112345678", "+4915112345679", "+4366412345678"
PHONE = "/account/contacts/phone/"


class Texts:
    """The text messages, fetched by emptying the outbox into the twin with the real client."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin

    def to(self, number: str) -> list[str]:
        """Every text to this number, oldest first."""
        drain()
        return [text["body"] for text in self.twin.to(number)]

    def newest(self, number: str) -> str:
        """The newest text to this number."""
        found = self.to(number)
        assert found, f"no text to {number}"
        return found[-1]

    def code(self, number: str) -> str:
        """The code in it."""
        return code_in(self.newest(number))


@pytest.fixture(scope="session")
def _twin() -> Iterator[Twin]:
    with twilio_twin() as twin:
        yield twin


@pytest.fixture
def texts(_twin: Twin, settings: Settings) -> Texts:
    """An account at Twilio, whose twin is up and has nothing."""
    _twin.clear()
    for name, value in _twin.environment.items():
        setattr(settings, name, value)
    settings.TWILIO_TIMEOUT = 1.0
    return Texts(_twin)


def with_number(user: User, number: str = NUMBER, *, address: bool = False) -> User:
    """The person has this verified number, and by default no verified address."""
    user.phone, user.phone_verified_at = number, user.email_verified_at
    if not address:
        user.email_verified_at = None
    user.save()
    return user


def ask(door: Door, number: str) -> Said:
    """Ask for a code to a number."""
    if isinstance(door, ApiDoor):
        return door.post("/api/v1/me/phone/", {"phone": number}, bearer=door.access)
    assert isinstance(door, WebDoor)
    form = door.open("/account/contacts/").form_to(PHONE)
    if form is None:  # while another one waits, there is no such form
        door.post(PHONE, phone=number)
    else:
        door.send(form, phone=number)
    return door.said()


def bring(door: Door, code: str) -> Said:
    """Bring the code back."""
    if isinstance(door, ApiDoor):
        return door.post("/api/v1/me/phone/confirm/", {"code": code}, bearer=door.access)
    assert isinstance(door, WebDoor)
    door.open("/account/contacts/")
    door.post(f"{PHONE}verify/", code=code)
    return door.said()

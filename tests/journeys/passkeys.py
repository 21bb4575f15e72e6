"""Passkeys through both doors: what a browser reads off a page, a program gets as JSON."""

import html
import json
import re
from typing import Any

from django.conf import settings

from accounts.models import User
from audit.record import Origin
from core.db import unit
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor, sign_in
from tests.journeys.stage import PASSWORD
from tests.services.authenticator import Authenticator, written
from twofactor.models import Factor, FactorKind
from twofactor.services.factors import put_new_in_force

ORIGIN = "https://portal.example.com"


def options_at(door: Door) -> dict[str, Any]:
    """What the browser is asked now."""
    if isinstance(door, ApiDoor):
        found: dict[str, Any] = door.body["options"]
        return found
    assert isinstance(door, WebDoor)
    text = re.search(r'data-options="([^"]*)"', door.answer.content.decode())
    assert text, door.page.text
    asked: dict[str, Any] = json.loads(html.unescape(text[1]))
    return asked


def begin_by_passkey(door: Door) -> Said:
    """Choose to sign in with a passkey."""
    if isinstance(door, ApiDoor):
        return door.post("/api/v1/login/", {"passkey": True})
    assert isinstance(door, WebDoor)
    form = next(form for form in door.open("/login/").forms if "passkey" in form.values)
    door.send(form)
    return door.said()


def show(door: Door, credential: Any, **more: Any) -> Said:
    """Send what the browser gave."""
    return door.take(
        "passkey", credential=credential if isinstance(door, ApiDoor) else json.dumps(credential), **more
    )


def add(door: Door, device: Authenticator, *, name: str = "", **lies: Any) -> Said:
    """Add a passkey as who is signed in."""
    if isinstance(door, ApiDoor):
        door.post("/api/v1/me/passkeys/", {"name": name}, bearer=door.access)
        made = {"credential": device.create(door.body["options"], **lies), "name": name}
        return door.post("/api/v1/me/passkeys/confirm/", made, bearer=door.access)
    assert isinstance(door, WebDoor)
    path = "/account/security/passkeys/add/"
    form = next(form for form in door.open(path).forms if "name" in form.values)
    page = door.send(form, name=name)
    form = next(form for form in page.forms if "credential" in form.values)
    door.send(form, credential=json.dumps(device.create(options_at(door), **lies)))
    return door.said()


def given_passkey(user: User, device: Authenticator) -> Factor:
    """A passkey that the person added some time ago."""
    options = {
        "user": {"id": written(user.uid.bytes)},
        "excludeCredentials": [],
        "challenge": "",
        "rp": {"id": ""},
    }
    device.create(options)
    made = device.passkeys[-1]
    factor = Factor(
        user=user,
        kind=FactorKind.PASSKEY,
        created_at=user.created_at,
        confirmed_at=user.created_at,
        credential_id=written(made.credential_id),
        public_key=written(made.cose),
    )
    with unit():
        assert put_new_in_force(factor, origin=Origin(actor=user), now=user.created_at) is None
    return factor


def to_second_proof(door: Door, user: User) -> Said:
    """User name and password, with a passkey as the way."""
    said = sign_in(door, user.email, PASSWORD)
    assert said.step == "passkey", said
    return said


def device_of(*, steps: int = 0, verifies: bool = True) -> Authenticator:
    """A device on a page of the portal."""
    return Authenticator(str(settings.PUBLIC_URL), steps=steps, verifies=verifies)

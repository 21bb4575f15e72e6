"""An authenticator app in the hands of a test: it knows its key and the time."""

import base64
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils import timezone

from core import oath
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor


class App:
    """What scans the picture, and shows codes."""

    def __init__(self, address: str, *, page: str) -> None:
        self.page = page  # where its first code goes
        self.address = urlsplit(address)
        given = parse_qs(self.address.query)
        secret = given["secret"][0]
        self.seed = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self.algorithm, self.digits = given["algorithm"][0], int(given["digits"][0])

    def code(self, *, ahead: float = 0) -> str:
        """The code that it shows now, with a clock so many seconds ahead."""
        step = oath.step_at(timezone.now().timestamp() + ahead)
        return oath.code_at(self.seed, step, algorithm=self.algorithm, digits=self.digits)


def begin(door: Door, **fields: Any) -> App:
    """Begin to set up an app, and scan its picture."""
    if isinstance(door, ApiDoor):
        said = door.post("/api/v1/me/factors/", {"kind": "totp", **fields}, bearer=door.access)
        assert said.status == 200, said
        return App(door.body["otpauth_url"], page=f"/api/v1/me/factors/{door.body['id']}/confirm/")
    assert isinstance(door, WebDoor)
    form = next(form for form in door.open("/account/security/app/").forms if "name" in form.values)
    page = door.send(form, **{name: str(value) for name, value in fields.items()})
    found = next((link for link in page.links if link.startswith("otpauth:")), None)
    assert found is not None, page.text
    return App(found, page=door.address)


def give(door: Door, app: App, code: str = "") -> Said:
    """Give the first code back."""
    code = code or app.code()
    if isinstance(door, ApiDoor):
        return door.post(app.page, {"code": code}, bearer=door.access)
    assert isinstance(door, WebDoor)
    form = next(form for form in door.page.forms if "code" in form.values)
    door.send(form, code=code)
    return door.said()


def set_up(door: Door, **fields: Any) -> App:
    """Set an app up from beginning to end."""
    app = begin(door, **fields)
    said = give(door, app)
    assert not said.refused, said
    return app


def recovery_codes(door: Door) -> list[str]:
    """Make recovery codes, and read them."""
    if isinstance(door, ApiDoor):
        door.post("/api/v1/me/factors/", {"kind": "recovery"}, bearer=door.access)
        return [str(one) for one in door.body.get("codes", [])]
    assert isinstance(door, WebDoor)
    form = next(
        form for form in door.open("/account/security/recovery/").forms if form.action.startswith("?")
    )
    page = door.send(form)
    return re.findall(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", page.text)

"""What the portal sends to a verification service, the contract that it publishes, and how many wait for one at once."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.tokens.keys import key_set
from accounts.tokens.verify import read_access_token
from core.db import unit
from tenants.settings import snapshot
from tests import cast
from tests.attacks.parallel import at_once
from tests.docs.tables import DOCS
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.outside_stage import *  # noqa: F403
from tests.journeys.outside_stage import BEN, HERE, _service  # noqa: F401
from tests.journeys.stage import *  # noqa: F403
from tests.journeys.stage import PASSWORD, configure
from tests.services import free_port
from tests.services.certificates import Certificate
from tests.services.verification import Service
from tests.waiting import until
from twofactor.methods import webservice
from twofactor.methods.base import Unavailable
from twofactor.services.provided import provided_for

pytestmark = pytest.mark.django_db
CONTRACT = "/api/verification-service/"


def look_up(user: User) -> object:
    """What the service has for this person."""
    return webservice.ways_for(user, snapshot(user.company_id), now=timezone.now())


def test_each_call_is_signed_for_this_body_and_this_address_alone(
    ben: User, service: Service, settings: Settings
) -> None:
    look_up(ben)
    look_up(ben)
    first, second = service.calls
    [key] = jwt.PyJWKSet.from_dict(key_set(now=timezone.now())).keys
    assert jwt.get_unverified_header(first.bearer)["typ"] == "gatehouse-call+jwt"
    claims = jwt.decode(
        first.bearer, key.key, ["ES256"], audience=service.url, issuer=settings.PUBLIC_URL,
        options={"require": ["iss", "aud", "iat", "exp", "jti", "sha256"]},
    )  # fmt: skip
    digest = base64.urlsafe_b64encode(hashlib.sha256(first.body).digest()).decode().rstrip("=")
    assert claims["sha256"] == digest
    assert claims["exp"] - claims["iat"] == 60
    assert jwt.decode(second.bearer, options={"verify_signature": False})["jti"] != claims["jti"]


def test_what_signs_a_call_opens_nothing_here(ben: User, service: Service, api: cast.Call) -> None:
    look_up(ben)
    token = service.calls[0].bearer
    assert read_access_token(token) is None
    answer = cast.Api(None).get("/api/v1/me/", Authorization=f"Bearer {token}")
    assert answer.status_code == 401


def test_it_is_never_asked_inside_a_unit(ben: User, service: Service) -> None:
    with pytest.raises(RuntimeError), unit():
        provided_for(ben, snapshot(ben.company_id), now=timezone.now())
    assert not service.calls


def test_a_service_that_hangs_holds_an_eighth_of_the_threads_and_nobody_else(
    ben: User, service: Service, settings: Settings
) -> None:
    settings.HTTP_THREADS = 8
    webservice.slots.cache_clear()
    webservice.slots_at.cache_clear()
    configure(TwoFactor__WebServiceTimeoutMs=4_000)
    values, now = snapshot(ben.company_id), timezone.now()
    service.mode = "slow"

    def asks() -> object:
        return webservice.ways_for(ben, values, now=now)

    def ask(_number: int) -> tuple[str, float]:
        began = time.monotonic()
        told = asks()
        assert isinstance(told, Unavailable)
        return told.reason, time.monotonic() - began

    hanging = [threading.Thread(target=asks)]
    for one in hanging:
        one.start()
    until(lambda: len(service.calls) == 1, seconds=5)
    told = at_once(ask, times=6)
    assert {reason for reason, _took in told} == {"too many calls are under way"}
    assert max(took for _reason, took in told) < 1
    assert len(service.calls) == 1
    with webservice.slots().one() as room:
        assert room  # for the service of another company
    service.release.set()
    for one in hanging:
        one.join(10)
    service.mode = "ok"
    assert look_up(ben) == [("app", "SecureApp")]


def test_its_contract_is_there_for_everybody_and_fits_what_is_sent_and_taken(
    ben: User, service: Service
) -> None:
    answer = cast.Api(None).get(CONTRACT, Accept="*/*")
    assert answer.status_code == 200
    contract = json.loads(answer.content)
    assert contract["openapi"] == "3.1.0"
    assert set(contract["paths"]) == {"/methods", "/check"}
    shapes = contract["components"]["schemas"]
    look_up(ben)
    [call] = service.calls
    assert set(call.asked) == set(shapes["Person"]["required"]) == set(shapes["Person"]["properties"])
    assert set(shapes["Verdict"]["properties"]["result"]["enum"]) == set(webservice._VERDICTS)
    way = shapes["Methods"]["properties"]["methods"]
    assert way["maxItems"] == webservice.MOST_WAYS
    assert way["items"]["properties"]["id"]["pattern"] == f"^{webservice._ID.pattern}$"
    assert way["items"]["properties"]["label"]["maxLength"] == webservice.LONGEST_LABEL
    assert shapes["Check"]["properties"]["code"]["maxLength"] == webservice.LONGEST_CODE
    assert str(webservice.MOST_BYTES) in contract["info"]["description"]


# --- the example in the guide


class _Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        text = json.dumps(key_set(now=timezone.now())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nothing on the screen of the tests."""


@pytest.fixture
def example(tmp_path: Path, settings: Settings) -> Iterator[str]:
    """The program of the guide, running; its address."""
    found = re.search(r"```python\n(.*?)```", (DOCS / "verification-service.md").read_text(), re.DOTALL)
    assert found
    keys, port = ThreadingHTTPServer(("127.0.0.1", 0), _Keys), free_port()
    portal, here = f"http://127.0.0.1:{keys.server_address[1]}", f"https://localhost:{port}"
    given = (
        f"PORTAL, HERE, PORT = {portal!r}, {here!r}, {port}",
        f'CODES = {{"{BEN}": {{"123456"}}}}',
    )
    program = re.sub(r"(?m)^PORTAL, HERE, PORT = .*$", given[0], found[1])
    program = re.sub(r"(?m)^CODES = .*$", given[1], program)
    (tmp_path / "example.py").write_text(program)
    certificate = Certificate.make(tmp_path)
    settings.OUTBOUND_ALLOW, settings.OUTBOUND_CA_FILE = HERE, str(certificate.authority)
    settings.PUBLIC_URL = portal
    threading.Thread(target=keys.serve_forever, args=(0.05,), daemon=True).start()
    running = subprocess.Popen([sys.executable, "example.py"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        yield here
    finally:
        running.kill()
        running.wait(5)
        keys.shutdown()
        keys.server_close()
        shutil.rmtree(tmp_path, ignore_errors=True)


def test_the_example_of_the_guide_signs_people_in(ben: User, cleo: User, example: str) -> None:
    configure(
        TwoFactor__Policy="required",
        TwoFactor__CodeGeneration="external",
        TwoFactor__WebServiceUrlProduction=f"{example}/",
        TwoFactor__NoVerifiedContactBehaviour="deny",
    )
    until(lambda: look_up(ben) == [("app", "SecureApp")], seconds=10)
    assert look_up(cleo) == []
    door = ApiDoor()
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert door.take("code", code="000000").refused
    assert door.take("code", code="123456").step == "done"
    other = ApiDoor()
    assert sign_in(other, BEN, PASSWORD).step == "ended"  # the code is gone, and with it the way

"""J and A: what a passkey sends is read as CTAP2 writes it, and no decoder is led into sharing values, regular expressions or depth."""

import hashlib
import json
import time
from typing import Any

import cbor2
import pytest
from pytest_django import Settings

from accounts.models import User
from tests.cast import Api
from tests.journeys.doors import Door
from tests.journeys.passkeys import ORIGIN, begin_by_passkey, device_of, given_passkey, options_at, show
from tests.services.authenticator import PRESENT, VERIFIED, read, written
from twofactor.models import Factor

pytestmark = pytest.mark.django_db
EXTENDED = 128  # the flag that extensions follow
A_MOMENT = 0.5  # seconds of this process


@pytest.fixture(autouse=True)
def named(settings: Settings) -> None:
    """The portal has a name."""
    settings.PUBLIC_URL = ORIGIN


def shared(levels: int = 7, width: int = 10) -> bytes:
    """Lists of one value that is shared (tags 28 and 29), each ten times in the next: 250 bytes that are 57 MB written anew."""
    out = b"\x98" + bytes([levels + 1]) + b"\xd8\x1c\x44abcd"
    for level in range(levels):
        out += b"\xd8\x1c\x98" + bytes([width]) + (b"\xd8\x1d" + bytes([level])) * width
    return out


def expression() -> bytes:
    """A regular expression (tag 35) that takes long to compile."""
    return cbor2.dumps(cbor2.CBORTag(35, "(?i)" + "[\x00-\uffff]" * 400))


def nested(depth: int = 2_000) -> bytes:
    """Lists in lists."""
    return b"\x81" * depth + b"\x00"


BYTES = {
    "shared": shared(),
    "expression": expression(),
    "nested": nested(),
    "an open length": b"\x9f\x00\xff",
    "a length beyond the end": b"\x9b" + b"\xff" * 8,
    "cut off": b"\x58",
}


def unsigned(options: dict[str, Any], factor: Factor, more: bytes) -> dict[str, Any]:
    """An answer with these bytes as its extensions, for which nobody needs the key."""
    said = {"type": "webauthn.get", "challenge": options["challenge"], "origin": ORIGIN, "crossOrigin": False}
    flags = bytes([PRESENT | VERIFIED | EXTENDED])
    data = hashlib.sha256(options["rpId"].encode()).digest() + flags + bytes(4) + more
    response = {
        "clientDataJSON": written(json.dumps(said).encode()),
        "authenticatorData": written(data),
        "signature": written(b"none"),
        "userHandle": written(factor.user.uid.bytes),
    }
    name = factor.credential_id
    return {"id": name, "rawId": name, "type": "public-key", "response": response}


@pytest.mark.parametrize("more", BYTES.values(), ids=BYTES.keys())
def test_an_answer_that_nobody_signed_costs_next_to_nothing(door: Door, ben: User, more: bytes) -> None:
    """Whoever sends it knows the id of a passkey, be it his own, and neither a password nor a key."""
    factor = given_passkey(ben, device_of())
    begin_by_passkey(door)
    credential = unsigned(options_at(door), factor, more)
    began = time.process_time()
    assert show(door, credential).refused
    assert time.process_time() - began < A_MOMENT
    assert not door.is_in()


@pytest.mark.parametrize("more", BYTES.values(), ids=BYTES.keys())
@pytest.mark.parametrize("place", ["around", "key"])
def test_nor_does_a_passkey_that_is_added(ben: User, more: bytes, place: str) -> None:
    """The bytes stand for all of the authenticator's data, or for the key within it."""
    program, device = Api(ben), device_of()
    made = device.create(program.post("me/passkeys/").json()["options"])
    attestation = b"\xa3" + cbor2.dumps("fmt") + cbor2.dumps("none") + cbor2.dumps("attStmt") + b"\xa0"
    attestation += cbor2.dumps("authData")
    if place == "around":
        attestation += more
    else:
        given = cbor2.loads(read(made["response"]["attestationObject"]))["authData"]
        attestation += cbor2.dumps(given[: -len(device.passkeys[0].cose)] + more)
    made["response"]["attestationObject"] = written(attestation)
    began = time.process_time()
    answer = program.post("me/passkeys/confirm/", {"credential": made})
    assert answer.json()["code"] == "try_again"
    assert time.process_time() - began < A_MOMENT
    assert not Factor.objects.exists()

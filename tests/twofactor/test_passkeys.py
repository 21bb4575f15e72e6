"""Passkeys turned on: what a browser is asked to make, and what of its answer is taken."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Session, SessionKind, User
from accounts.rising import SECOND
from audit.models import AuditEvent
from audit.record import Origin
from core.outcomes import Denied
from delivery.models import Delivery
from tests.attacks.parallel import at_once
from tests.conftest import Clock
from tests.services.authenticator import Authenticator, read, written
from twofactor.methods import METHODS
from twofactor.methods import passkey_wire as wire
from twofactor.models import Challenge, Factor
from twofactor.services.passkeys import BEGUN, TAKEN, UNAVAILABLE, begin_passkey, finish_passkey

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ORIGIN = "https://portal.example.com"
SESSION, OTHER_SESSION = uuid4(), uuid4()


@pytest.fixture(autouse=True)
def named(settings: Settings) -> None:
    """The portal has a name; by a number browsers make no passkeys."""
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def device() -> Authenticator:
    """Ben's."""
    return Authenticator(ORIGIN)


class Door:
    """One person in one session, as the services see it."""

    def __init__(self, user: User, clock: Clock, session: UUID = SESSION) -> None:
        self.user, self.clock, self.session = user, clock, session
        now = clock()
        times = {
            "created_at": now,
            "seen_at": now,
            "confirmed_at": now,
            "expires_at": now + timedelta(hours=12),
        }
        given = {"user": user, "kind": SessionKind.PAGE, "fingerprint": session.hex} | times
        Session.objects.get_or_create(uid=session, defaults=given)

    def begin(self, name: str = "") -> tuple[Challenge, dict[str, Any]]:
        begun = begin_passkey(
            self.user, asked_by=self.session, name=name, origin=self.origin, now=self.clock()
        )
        assert not isinstance(begun, Denied), begun
        # As it arrives: JSON.
        return begun[0], json.loads(json.dumps(begun[1]))

    def finish(self, credential: Any, name: str = "") -> Factor | Denied:
        return finish_passkey(
            credential, user=self.user, asked_by=self.session, name=name, origin=self.origin, now=self.clock()
        )

    @property
    def origin(self) -> Origin:
        return Origin(actor=self.user, address="192.0.2.1")


@pytest.fixture
def ben_door(ben: User, clock: Clock) -> Door:
    return Door(ben, clock)


def refused(result: Factor | Denied) -> str:
    assert isinstance(result, Denied), result
    assert not Factor.objects.exists()
    return result.code


def test_a_passkey_is_made_and_counts(ben_door: Door, ben: User, device: Authenticator) -> None:
    version = ben.security_version
    _challenge, options = ben_door.begin("My phone")
    made = ben_door.finish(device.create(options), "My phone")
    assert isinstance(made, Factor)
    ben.refresh_from_db()
    assert ben.factor_kinds == ",passkey,"
    assert ben.security_version == version + 1
    assert (made.name, made.is_backed_up, made.transports) == ("My phone", True, "hybrid,internal")
    events = AuditEvent.objects.filter(subject_uid=str(ben.uid))
    assert [one.event for one in events.order_by("pk")][-1] == "twofactor:factor:added"
    assert Delivery.objects.get().context["sentence"].count("Passkey") == 1


def test_what_the_browser_is_asked_names_the_configured_host_and_the_person(
    ben_door: Door, ben: User, device: Authenticator
) -> None:
    _challenge, options = ben_door.begin()
    assert options["rp"]["id"] == "portal.example.com"
    assert read(options["user"]["id"]) == ben.uid.bytes
    assert options["attestation"] == "none"
    assert len(read(options["challenge"])) == 32
    ben_door.finish(device.create(options))
    _challenge, options = ben_door.begin()
    assert [read(one["id"]) for one in options["excludeCredentials"]] == [device.passkeys[0].credential_id]


def test_the_challenge_is_kept_nowhere_and_each_has_its_own(ben_door: Door) -> None:
    first, second = ben_door.begin()[1]["challenge"], ben_door.begin()[1]["challenge"]
    assert first != second
    assert first not in str(list(Challenge.objects.values()))


LIES: dict[str, dict[str, Any]] = {
    "of another origin": {"origin": "https://portal.example.com.evil.example"},
    "of the same host in clear": {"origin": "http://portal.example.com"},
    "of another port": {"origin": f"{ORIGIN}:8443"},
    "for another host": {"rp_id": "evil.example"},
    "in a frame of somebody else": {"cross_origin": True},
    "in a frame that it names": {"client_data": {"topOrigin": "https://evil.example"}},
    "with a flag that is none": {"cross_origin": "no"},
    "as a sign-in": {"type": "webauthn.get"},
    "for no challenge": {"challenge": ""},
    "for another challenge": {"challenge": written(b"x" * 32)},
    "for a challenge that is no text": {"challenge": 7},
    "with an origin that is no text": {"origin": [ORIGIN]},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_passkey_made_somewhere_else_is_refused(
    ben_door: Door, device: Authenticator, lie: dict[str, Any]
) -> None:
    _challenge, options = ben_door.begin()
    assert refused(ben_door.finish(device.create(options, **lie))) == "try_again"


def test_a_challenge_is_good_once(ben_door: Door, device: Authenticator) -> None:
    _challenge, options = ben_door.begin()
    assert isinstance(ben_door.finish(device.create(options)), Factor)
    again = ben_door.finish(Authenticator(ORIGIN).create(options))
    assert isinstance(again, Denied)
    assert again.code == "expired"
    assert Factor.objects.count() == 1


def test_only_the_newest_challenge_is_good(ben_door: Door, device: Authenticator) -> None:
    _challenge, older = ben_door.begin()
    ben_door.begin()
    assert refused(ben_door.finish(device.create(older))) == "try_again"


def test_a_challenge_is_too_old_after_ten_minutes(
    ben_door: Door, device: Authenticator, clock: Clock
) -> None:
    _challenge, options = ben_door.begin()
    clock.forward(minutes=10)
    assert refused(ben_door.finish(device.create(options))) == "expired"


def test_without_a_question_nothing_is_taken(
    ben_door: Door, ben: User, clock: Clock, device: Authenticator
) -> None:
    _challenge, options = Door(ben, clock, OTHER_SESSION).begin()
    assert refused(ben_door.finish(device.create(options))) == "expired"  # another session's
    ben_door.begin()
    assert refused(ben_door.finish(device.create(options))) == "try_again"


def test_the_question_of_somebody_else_is_none(
    ben_door: Door, cleo: User, clock: Clock, device: Authenticator
) -> None:
    _challenge, options = Door(cleo, clock, OTHER_SESSION).begin()
    ben_door.begin()
    assert refused(ben_door.finish(device.create(options))) == "try_again"


def test_a_question_is_answered_wrongly_five_times_at_most(ben_door: Door, device: Authenticator) -> None:
    _challenge, options = ben_door.begin()
    for _ in range(5):
        assert refused(ben_door.finish(device.create(options, origin="https://evil.example"))) == "try_again"
    assert refused(ben_door.finish(device.create(options))) == "expired"


def test_the_passkey_of_somebody_else_is_not_taken_over(
    ben_door: Door, cleo: User, clock: Clock, device: Authenticator
) -> None:
    """Under the id of Cleo's passkey, Ben would put a key of his own: she would sign in as him, or he as her."""
    hers = Door(cleo, clock, OTHER_SESSION)
    assert isinstance(hers.finish(device.create(hers.begin()[1])), Factor)
    stolen = Authenticator(ORIGIN).create(ben_door.begin()[1], credential_id=device.passkeys[0].credential_id)
    assert ben_door.finish(stolen) is TAKEN
    assert Factor.objects.get().user == cleo


def test_the_id_outside_must_be_the_one_inside(ben_door: Door, device: Authenticator) -> None:
    credential = device.create(ben_door.begin()[1])
    other = written(b"y" * 32)
    assert refused(ben_door.finish(credential | {"id": other, "rawId": other})) == "try_again"


GARBLED: dict[str, Any] = {
    "nothing": {},
    "a list": [],
    "text": "x",
    "no response": {"id": "x", "rawId": "x", "type": "public-key"},
    "a response that is a list": {"response": []},
    "client data that is no base64": {"clientDataJSON": "%%%"},
    "client data that is a number": {"clientDataJSON": 7},
    "client data that is no JSON": {"clientDataJSON": written(b"\xff\xfe{")},
    "client data that is deep": {"clientDataJSON": written(b"[" * 9_000)},
    "client data that is a list": {"clientDataJSON": written(b"[]")},
    "CBOR that is none": {"attestationObject": written(b"\xff")},
    "CBOR that is deep": {"attestationObject": written(b"\x81" * 9_000)},
    "CBOR that promises much": {"attestationObject": written(b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff")},
    "CBOR of another kind": {"attestationObject": written(b"\x01")},
    "CBOR with an invented number": {
        "attestationObject": written(b"\xc5\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01")
    },
    "too large": {"attestationObject": "A" * 20_000},
}


@pytest.mark.parametrize("garbled", GARBLED.values(), ids=GARBLED)
def test_what_is_garbled_is_refused(ben_door: Door, device: Authenticator, garbled: Any) -> None:
    credential = device.create(ben_door.begin()[1])
    if isinstance(garbled, dict) and garbled and "type" not in garbled:
        inside = garbled.get("response", credential["response"] | garbled)
        garbled = credential | {"response": inside}
    assert refused(ben_door.finish(garbled)) == "try_again"


@pytest.mark.parametrize(
    "given", ["[" * 16_000, '{"a":' * 3_000, "{" + " " * 20_000 + "}", "7", "null", '"x"', "\x00"]
)
def test_json_that_is_no_credential_is_none(given: str) -> None:
    assert wire.read(given) is None


def test_a_deep_object_is_no_credential() -> None:
    deep: dict[str, Any] = {}
    for _ in range(wire.DEEPEST):
        deep = {"a": deep}
    assert wire.read(deep) is None
    assert wire.read(deep["a"]) is not None


def test_attestation_is_not_looked_at(ben_door: Door, device: Authenticator) -> None:
    """None was asked for. What comes all the same decides nothing, and its certificates are never parsed."""
    credential = device.create(
        ben_door.begin()[1], fmt="packed", statement={"x5c": [b"\x30" * 99], "sig": b"x"}
    )
    assert isinstance(ben_door.finish(credential), Factor)


def test_ten_are_the_most(ben_door: Door, device: Authenticator) -> None:
    for _ in range(10):
        assert isinstance(ben_door.finish(device.create(ben_door.begin()[1])), Factor)
    begun = begin_passkey(ben_door.user, asked_by=SESSION, origin=ben_door.origin, now=ben_door.clock())
    assert isinstance(begun, Denied)
    assert begun.code == "too_many_factors"


def test_beginning_over_and_over_ends(ben_door: Door) -> None:
    for _ in range(BEGUN.tries):
        ben_door.begin()
    begun = begin_passkey(ben_door.user, asked_by=SESSION, origin=ben_door.origin, now=ben_door.clock())
    assert isinstance(begun, Denied)
    assert begun.code == "too_many"


@pytest.mark.parametrize("name", ["x" * 61, "two\nlines", "\x00"])
def test_a_name_is_one_short_line(ben_door: Door, device: Authenticator, name: str) -> None:
    assert refused(ben_door.finish(device.create(ben_door.begin()[1]), name)) == "invalid"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "https://192.0.2.7", "http://[::1]:8000"])
def test_an_address_without_a_name_has_no_passkeys(ben_door: Door, settings: Settings, address: str) -> None:
    settings.PUBLIC_URL = address
    begun = begin_passkey(ben_door.user, asked_by=SESSION, origin=ben_door.origin, now=ben_door.clock())
    assert begun is UNAVAILABLE


def test_a_refusal_is_written_down_without_what_was_sent(ben_door: Door, device: Authenticator) -> None:
    ben_door.finish(device.create(ben_door.begin()[1], origin="https://evil.example"))
    event = AuditEvent.objects.filter(event="login:code:refused").get()
    assert event.details["reason"] == "origin"
    assert "evil" not in json.dumps(event.details)


@pytest.mark.django_db(transaction=True)
def test_one_answer_sent_many_times_at_once_makes_one_passkey(
    ben: User, device: Authenticator, clock: Clock
) -> None:
    clock.now = timezone.now()
    door = Door(ben, clock)
    credential = device.create(door.begin()[1])

    def send(_number: int) -> bool:
        mine = Door(User.objects.get(pk=ben.pk), clock)
        return isinstance(mine.finish(credential), Factor)

    assert at_once(send, times=5).count(True) == 1
    assert Factor.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_passkey_added_by_two_people_at_once_is_one_persons(
    ben: User, cleo: User, device: Authenticator, clock: Clock
) -> None:
    clock.now = timezone.now()
    doors = [Door(ben, clock, SESSION), Door(cleo, clock, OTHER_SESSION)]
    same = b"z" * 32
    answers = [Authenticator(ORIGIN).create(door.begin()[1], credential_id=same) for door in doors]

    def send(number: int) -> bool:
        mine = Door(User.objects.get(pk=doors[number].user.pk), clock, doors[number].session)
        return isinstance(mine.finish(answers[number]), Factor)

    assert at_once(send, times=2).count(True) == 1
    assert Factor.objects.count() == 1


def test_every_second_proof_stands_where_roles_that_ask_for_one_are_given() -> None:
    assert {method.amr for method in METHODS.values()} <= SECOND

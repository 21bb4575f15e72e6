"""Text messages: Twilio's own client against a twin that answers as Twilio does, and as it should not."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from pytest_django import Settings

from audit.models import AuditEvent
from core import entropy
from core.errors import PortalError
from delivery.drain import LEASE, drain, lease
from delivery.gateways.twilio import account
from delivery.models import Delivery, Kind, State
from delivery.services import Progress, state_of
from tests.conftest import Clock
from tests.delivery.conftest import BEN, Ask
from tests.services import free_port
from tests.services.twilio import SENDER, SID, TOKEN, Fault, Twin, code_in, twilio_twin

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
NUMBER = "+4915112345678"
CODE = entropy.derived_code
ABOUT: dict[str, Any] = {"purpose": "login", "id": "attempt-1", "digits": 6}
Text = Callable[..., Delivery]


def use(settings: Settings, twin: Twin) -> None:
    """Set the product up to use this twin."""
    for name, value in twin.environment.items():
        setattr(settings, name, value)


@pytest.fixture
def twin(settings: Settings) -> Iterator[Twin]:
    """A twin of Twilio, and the product set up to use it."""
    with twilio_twin() as twin:
        use(settings, twin)
        settings.TWILIO_TIMEOUT = 0.5
        yield twin


@pytest.fixture
def text(ask: Ask) -> Text:
    """Asks for a text with a code."""

    def text(**other: Any) -> Delivery:
        return ask(**({"to": NUMBER, "kind": Kind.SMS, "subject": ""} | other))

    return text


def fresh(row: Delivery) -> Delivery:
    row.refresh_from_db()
    return row


def test_a_request_becomes_one_text_with_its_code_by_twilios_own_client(
    text: Text, clock: Clock, twin: Twin
) -> None:
    row = text(expires_at=clock() + timedelta(minutes=10))
    assert drain(clock=clock) == 1
    (sent,) = twin.to(NUMBER)
    assert code_in(sent["body"]) == CODE(**ABOUT)
    assert (sent["from"], sent["callback"]) == (SENDER, None)  # no call to a portal on a machine of its own
    (request,) = twin.requests
    assert (request["host"], request["path"]) == (
        "api.twilio.com",
        f"/2010-04-01/Accounts/{SID}/Messages.json",
    )
    assert (fresh(row).state, row.provider_id, row.sent_at) == (State.SENT, sent["sid"], clock())
    assert drain(clock=clock) == 0


def test_the_sender_of_the_settings_and_a_messaging_service_are_used(
    text: Text, clock: Clock, twin: Twin, settings: Settings
) -> None:
    text(from_address="Acme")
    drain(clock=clock)
    settings.TWILIO_FROM = "MG" + "1" * 32
    text()
    drain(clock=clock)
    assert [(one["from"], one["messaging_service_sid"]) for one in twin.texts] == [
        ("Acme", None),
        (None, "MG" + "1" * 32),
    ]


def test_a_public_portal_asks_to_be_called(text: Text, clock: Clock, twin: Twin, settings: Settings) -> None:
    settings.LOOPBACK, settings.PUBLIC_URL = False, "https://portal.example"
    row = text()
    drain(clock=clock)
    (sent,) = twin.texts
    assert sent["callback"] == "https://portal.example" + reverse("delivery:twilio-status", args=[row.uid])
    assert CODE(**ABOUT) not in sent["callback"]
    # The last line lets a browser fill the code in, on this very site alone (WebOTP).
    assert sent["body"].splitlines()[-1] == f"@portal.example #{CODE(**ABOUT)}"


def test_twilio_forgets_a_code_that_is_too_late(text: Text, twin: Twin) -> None:
    from django.utils import timezone

    now = timezone.now()
    text(now=now, expires_at=now + timedelta(minutes=10))
    drain()
    assert 590 <= int(twin.texts[0]["good_for"]) <= 600


LATER: list[tuple[str, Fault, str]] = [
    ("too many", Fault(status=429, code=20429), "429 (20429)"),
    ("busy", Fault(status=503, code=20503), "503 (20503)"),
    ("broken", Fault(status=500, body=b"<html>oops</html>"), "500"),
    ("another page", Fault(status=200, body=b"<html>please sign in</html>"), "cannot be understood"),
    ("half a page", Fault(status=201, body=b'{"sid": "SM'), "cannot be understood"),
    ("a list", Fault(status=201, body=b"[]"), "cannot be understood"),
    ("nothing", Fault(status=201, body=b""), "cannot be understood"),
    ("another name", Fault(status=201, body=b'{"sid": 5}'), "cannot be understood"),
    ("elsewhere", Fault(status=302, body=b"", headers={"Location": "http://127.0.0.1:1/"}), "302"),
    ("no reason", Fault(status=400, body=b"bad"), "400"),
    ("odd reason", Fault(status=400, body=b'{"code": {"a": 1}, "message": []}'), "400"),
    ("a problem document", Fault(status=400, body=b'{"type":"x","title":"x","status":"?","code":"?"}'), "cannot be understood"),
    ("slow", Fault(delay=1.5), "cannot be reached: ReadTimeout"),
    ("hung up", Fault(drops=True), "cannot be reached: ConnectionError"),
    ("suspended", Fault(status=403, code=20005), "403 (20005)"),
    ("no such sender", Fault(status=400, code=21606), "no number of this account"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "reason"), [one[1:] for one in LATER], ids=[one[0] for one in LATER])
def test_what_may_pass_is_tried_again_and_the_text_arrives_with_the_same_code(
    text: Text, clock: Clock, twin: Twin, fault: Fault, reason: str
) -> None:
    row = text()
    twin.faults = [fault]
    drain(clock=clock)
    assert fresh(row).state == State.QUEUED
    assert reason in row.error
    assert state_of(row.uid, now=clock()) is Progress.LATE
    assert clock() < row.next_try_at <= clock() + timedelta(seconds=5)
    clock.forward(seconds=5)
    drain(clock=clock)
    assert (fresh(row).state, row.error) == (State.SENT, "")
    assert code_in(twin.to(NUMBER)[-1]["body"]) == CODE(**ABOUT)


@pytest.mark.parametrize("code", [21211, 21408, 21610, 21612, 21614, 30006])
def test_a_number_that_will_never_do_fails_with_the_reason_and_an_audit_event(
    text: Text, clock: Clock, twin: Twin, code: int
) -> None:
    row, fine = text(company_id=5), text(to="+4915112345679")
    twin.faults = [Fault(status=400, code=code)]
    drain(clock=clock)
    assert (fresh(row).state, fresh(fine).state) == (State.FAILED, State.SENT)
    assert f"400 ({code}): " in row.error
    assert state_of(row.uid, now=clock()) is Progress.FAILED
    event = AuditEvent.objects.get()
    assert (event.event, event.company_id) == ("delivery:message:failed", 5)


def test_wrong_credentials_are_the_installations_fault_and_the_message_waits(
    text: Text, clock: Clock, twin: Twin, settings: Settings
) -> None:
    settings.TWILIO_AUTH_TOKEN = "a-token-that-was-changed"
    rows = [text(), text()]
    drain(clock=clock)
    for row in rows:
        assert fresh(row).state == State.QUEUED
        assert "does not accept TWILIO_ACCOUNT_SID" in row.error
        assert "a-token" not in row.error
    assert len(twin.requests) == 1  # asked once for a batch
    settings.TWILIO_AUTH_TOKEN = TOKEN
    clock.forward(seconds=5)
    drain(clock=clock)
    assert [fresh(row).state for row in rows] == [State.SENT, State.SENT]


@pytest.mark.parametrize(
    ("asked", "waits"), [("60", 60), ("99999999", 5), ("9999", 600), ("-1", 5), ("soon", 5), ("", 5)]
)
def test_who_wants_to_be_left_alone_is_for_as_long_as_is_reasonable(
    text: Text, clock: Clock, twin: Twin, asked: str, waits: int
) -> None:
    row = text(expires_at=clock() + timedelta(days=1))
    twin.faults = [Fault(status=429, code=20429, headers={"Retry-After": asked} if asked else {})]
    drain(clock=clock)
    assert waits - 1 <= (fresh(row).next_try_at - clock()).total_seconds() <= waits


def test_a_dead_twilio_is_asked_once_for_a_batch(
    text: Text, clock: Clock, twin: Twin, settings: Settings
) -> None:
    settings.TWILIO_API_BASE = f"http://127.0.0.1:{free_port()}"
    rows = [text() for _ in range(5)]
    drain(clock=clock)
    assert {fresh(row).error for row in rows} == {"Twilio cannot be reached: ConnectionError."}
    twin.always = Fault(delay=2)
    settings.TWILIO_API_BASE = twin.base
    clock.forward(seconds=5)
    began = time.monotonic()
    drain(clock=clock)
    assert time.monotonic() - began < 2


def test_neither_code_nor_token_stands_in_an_error_or_a_log(
    text: Text, clock: Clock, twin: Twin, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where the other side repeats what it was sent."""
    code = CODE(**ABOUT)
    rows = [text() for _ in range(4)]
    told = f"Your message '{code}' for {TOKEN} is bad"
    twin.faults = [
        Fault(status=400, code=21602, message=told),
        Fault(status=418, body=told.encode()),
        Fault(status=201, body=f'{{"sid": "{told}"}}'.encode()),
        Fault(status=500, code=20500, message=told),
    ]
    with caplog.at_level(logging.DEBUG):
        drain(clock=clock)
    assert len(twin.requests) == 4
    seen = caplog.text + "".join(fresh(row).error for row in rows) + str(list(AuditEvent.objects.values()))
    assert "Twilio answered" in seen
    assert code not in seen
    assert TOKEN not in seen
    assert TOKEN not in repr(account())


def test_a_crash_between_taking_and_sending_sends_the_same_code_later(
    text: Text, clock: Clock, twin: Twin
) -> None:
    row = text()
    assert [taken.pk for taken in lease(Kind.SMS, now=clock())] == [row.pk]  # and then the worker dies
    assert drain(clock=clock) == 0
    clock.forward(seconds=LEASE.total_seconds())
    assert drain(clock=clock) == 1
    assert code_in(twin.texts[0]["body"]) == CODE(**ABOUT)


def test_without_an_account_a_text_becomes_a_file(
    text: Text, clock: Clock, settings: Settings, tmp_path: Any
) -> None:
    settings.DATA_DIR = tmp_path
    row = text()
    drain(clock=clock)
    (path,) = (tmp_path / "outbox").glob("*.sms")
    assert CODE(**ABOUT) in path.read_text()
    assert (fresh(row).state, row.provider_id) == (State.SENT, "")


@pytest.mark.parametrize(
    "to",
    ["", "4915112345678", "+49 151 12345678", "+0151123456", BEN, "+49151123456789012", "+٤٩١٥١١٢٣٤٥٦٧٨"],
)
def test_only_a_number_in_the_form_of_e164_is_taken(text: Text, to: str) -> None:
    with pytest.raises(PortalError, match=r"E\.164"):
        text(to=to)


@pytest.mark.parametrize(
    "base",
    ["https://api.twilio.com", "http://10.0.0.1", "http://127.0.0.1.evil.example", "http://evil.example/127.0.0.1", "ftp://127.0.0.1",
     "http://127.0.0.1@evil.example", "http://user@127.0.0.1", "127.0.0.1:8000"],
)  # fmt: skip
def test_the_token_goes_to_no_other_machine(settings: Settings, base: str) -> None:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_API_BASE = SID, TOKEN, base
    with pytest.raises(ImproperlyConfigured, match="TWILIO_API_BASE"):
        account()


GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


@pytest.mark.parametrize("template", ["code", "verify"])
def test_a_code_fits_into_one_text_message(
    text: Text, clock: Clock, twin: Twin, settings: Settings, template: str
) -> None:
    """Of 160 characters of the GSM alphabet; a longer one costs twice and may arrive in halves."""
    settings.LOOPBACK, settings.PUBLIC_URL = False, "https://gatehouse.contact-centre.example.com"
    text(template=template, secret=_derived(10), context={"expires_minutes": 60})
    drain(clock=clock)
    body = twin.texts[0]["body"]
    assert len(body) <= 160, len(body)
    assert set(body) <= GSM


def _derived(digits: int) -> Any:
    from delivery.derived import Derived

    return Derived(kind="code", purpose="login", id="attempt-1", digits=digits)


def test_the_client_is_loaded_at_the_first_text_and_not_before() -> None:
    """It takes a fifth of a second and many megabytes, which pages and a worker without texts do without."""
    program = (
        "import sys, django; django.setup(); import delivery.drain, delivery.tasks, portal.asgi; "
        "sys.exit(any(one.partition('.')[0] in {'twilio', 'requests'} for one in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        check=False,
    )
    assert done.returncode == 0


def test_without_a_sender_a_text_waits_for_one(
    text: Text, clock: Clock, twin: Twin, settings: Settings
) -> None:
    settings.TWILIO_FROM = ""
    row = text()
    drain(clock=clock)
    assert (fresh(row).state, row.error) == (
        State.QUEUED,
        "No sender is set: set TWILIO_FROM or TwoFactor.SmsFrom.",
    )
    assert twin.requests == []

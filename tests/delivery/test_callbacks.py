"""What Twilio says of a text afterwards: believed when it is signed, in whatever order it comes, and as often as it likes."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from audit.models import AuditEvent
from audit.record import Origin
from core.db import unit
from delivery.drain import drain, lease, settle
from delivery.gateways import Sent
from delivery.gateways.twilio import callback_url
from delivery.models import Delivery, Kind, State
from delivery.services import Progress, retry, state_of
from tests.conftest import Clock
from tests.delivery.conftest import Ask
from tests.services.twilio import Twin, signed, twilio_twin

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PORTAL = "https://portal.example"
Call = Callable[..., int]
OTHER_SID = "SM" + "f" * 32


@pytest.fixture
def twin(settings: Settings) -> Iterator[Twin]:
    """A twin of Twilio, and a portal that it can call."""
    with twilio_twin() as twin:
        for name, value in twin.environment.items():
            setattr(settings, name, value)
        settings.PUBLIC_URL, settings.LOOPBACK, settings.ALLOWED_HOSTS = PORTAL, False, ["*"]
        yield twin


@pytest.fixture
def row(ask: Ask, clock: Clock, twin: Twin) -> Delivery:
    """A text that Twilio has taken."""
    row = ask(to="+4915112345678", kind=Kind.SMS, subject="", company_id=5)
    drain(clock=clock)
    row.refresh_from_db()
    assert row.state == State.SENT
    return row


def call(
    row: Delivery,
    status: str,
    *,
    sid: str = "",
    error: str = "",
    url: str = "",
    signature: str | None = None,
    sent: dict[str, str] | None = None,
    **headers: Any,
) -> int:
    """Call as Twilio does; the status of the answer."""
    fields = {
        "MessageSid": sid or row.provider_id,
        "MessageStatus": status,
        "To": row.to,
        "ApiVersion": "2010-04-01",
    }
    fields |= {"ErrorCode": error} if error else {}
    url = url or callback_url(row.uid)
    signature = signed(url, fields) if signature is None else signature
    answer = Client(enforce_csrf_checks=True).post(
        url.removeprefix(PORTAL), sent or fields, secure=True,
        headers={"X-Twilio-Signature": signature}, **({"SERVER_NAME": "portal.example"} | headers),
    )  # fmt: skip
    return answer.status_code


def stands(row: Delivery) -> tuple[str, str, bool]:
    row.refresh_from_db()
    return row.state, row.error, row.delivered_at is not None


def test_a_text_that_is_on_the_phone_is_known_to_be(row: Delivery, clock: Clock) -> None:
    assert [call(row, one) for one in ("queued", "sending", "sent")] == [204, 204, 204]
    assert stands(row) == (State.SENT, "", False)
    assert state_of(row.uid, now=clock()) is Progress.SENT
    assert call(row, "delivered") == 204
    assert stands(row) == (State.SENT, "", True)
    assert state_of(row.uid, now=clock()) is Progress.DELIVERED


@pytest.mark.parametrize("status", ["undelivered", "failed", "canceled"])
def test_a_text_that_was_lost_has_failed_with_the_reason(row: Delivery, clock: Clock, status: str) -> None:
    assert call(row, status, error="30005") == 204
    assert stands(row)[:2] == (
        State.FAILED,
        f"Twilio says {status} (30005): the number is unknown or no longer in use.",
    )
    assert state_of(row.uid, now=clock()) is Progress.FAILED
    assert AuditEvent.objects.get(event="delivery:message:failed").company_id == 5


@pytest.mark.parametrize("error", ["", "30005<script>", "9" * 40, "-1", "٣٠٠٠٥"])
def test_a_reason_that_is_no_number_is_left_out(row: Delivery, error: str) -> None:
    assert call(row, "failed", error=error) == 204
    assert stands(row)[1] == "Twilio says failed."


def test_what_is_said_twice_counts_once(row: Delivery) -> None:
    for _ in range(3):
        assert call(row, "undelivered", error="30008") == 204
    assert AuditEvent.objects.filter(event="delivery:message:failed").count() == 1
    for _ in range(3):
        assert call(row, "delivered") == 204
    first = Delivery.objects.get().delivered_at
    assert call(row, "delivered") == 204
    assert Delivery.objects.get().delivered_at == first


def test_whatever_comes_after_the_arrival_is_of_no_account(row: Delivery) -> None:
    call(row, "delivered")
    for late in ("sent", "queued", "failed", "undelivered"):
        assert call(row, late) == 204
    assert stands(row) == (State.SENT, "", True)


def test_an_arrival_that_is_told_late_outdoes_a_failure(row: Delivery) -> None:
    call(row, "failed")
    call(row, "delivered")
    assert stands(row) == (State.SENT, "", True)


def test_a_failure_of_before_does_not_count_against_a_text_that_is_sent_again(
    row: Delivery, clock: Clock, twin: Twin
) -> None:
    first = row.provider_id
    call(row, "failed")
    with unit():
        assert retry(row, origin=Origin(), now=clock()) is None
    call(row, "failed", sid=first)  # said again
    assert stands(row)[0] == State.QUEUED
    drain(clock=clock)
    call(row, "failed", sid=first)
    assert stands(row) == (State.SENT, "", False)
    assert row.provider_id != first
    assert twin.texts[0]["body"] == twin.texts[1]["body"]


def test_a_text_that_arrived_after_all_is_not_sent_again(row: Delivery, clock: Clock, twin: Twin) -> None:
    first = row.provider_id
    call(row, "failed")
    with unit():
        retry(row, origin=Origin(), now=clock())
    call(row, "delivered", sid=first)
    drain(clock=clock)
    assert len(twin.texts) == 1


@pytest.mark.parametrize(
    ("status", "state"), [("delivered", State.SENT), ("failed", State.FAILED), ("sent", State.SENT)]
)
def test_twilio_may_call_before_we_have_noted_that_it_took_the_text(
    ask: Ask, clock: Clock, twin: Twin, status: str, state: State
) -> None:
    row = ask(to="+4915112345678", kind=Kind.SMS, subject="")
    (held,) = lease(Kind.SMS, now=clock())
    assert call(row, status, sid=OTHER_SID, error="30003" if state == State.FAILED else "") == 204
    settle(held, Sent(provider_id=OTHER_SID), now=clock())
    assert stands(row)[0] == state
    assert row.provider_id == OTHER_SID
    assert (row.delivered_at is not None) == (status == "delivered")


def test_what_is_not_signed_by_twilio_is_refused(row: Delivery, caplog: pytest.LogCaptureFixture) -> None:
    url = callback_url(row.uid)
    good = {
        "MessageSid": row.provider_id,
        "MessageStatus": "delivered",
        "To": row.to,
        "ApiVersion": "2010-04-01",
    }
    for signature in ("", "x", "Ä" * 28, signed(url, good, token="another"), signed(url + "?", good)):
        assert call(row, "delivered", signature=signature) == 403
    # Signed for another message, another state, or with a field more.
    assert call(row, "delivered", signature=signed(callback_url(uuid4()), good)) == 403
    assert call(row, "delivered", sent=good | {"MessageStatus": "failed"}) == 403
    assert call(row, "delivered", sent=good | {"ErrorCode": "30003"}) == 403
    assert stands(row) == (State.SENT, "", False)
    assert "not signed by Twilio" in caplog.text
    assert row.provider_id not in caplog.text


def test_the_host_that_the_caller_names_counts_for_nothing(row: Delivery) -> None:
    fields = {
        "MessageSid": row.provider_id,
        "MessageStatus": "failed",
        "To": row.to,
        "ApiVersion": "2010-04-01",
    }
    elsewhere = callback_url(row.uid).replace("portal.example", "evil.example")
    signature = signed(elsewhere, fields)
    assert call(row, "failed", signature=signature, SERVER_NAME="evil.example") == 403
    assert call(row, "failed", SERVER_NAME="10.0.0.5") == 204  # signed for the name that we gave


def test_a_message_that_nobody_knows_is_not_there(row: Delivery, ask: Ask) -> None:
    unknown = Delivery(uid=uuid4(), to=row.to, provider_id=row.provider_id)
    assert call(unknown, "delivered") == 404
    mail = ask()
    assert call(mail, "delivered", sid=OTHER_SID) == 404
    assert stands(mail)[0] == State.QUEUED
    for sid in ("SM1", "' OR 1=1 --", "SM" + "g" * 32):
        assert call(row, "delivered", sid=sid) == 404


def test_without_an_account_there_is_nothing_to_call(row: Delivery, settings: Settings) -> None:
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = ""
    assert call(row, "delivered") == 404


def test_a_page_that_is_looked_at_says_nothing(row: Delivery, client: Client) -> None:
    path = callback_url(row.uid).removeprefix(PORTAL)
    assert client.get(path, secure=True).status_code == 405

"""Asking for a message, taking it back, and being told how it stands."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import serializers

from accounts.tokens.links import described, sign_described
from audit.models import AuditEvent
from audit.record import Origin
from core import entropy
from core.db import unit
from core.errors import PortalError
from core.outcomes import Denied
from delivery.derived import Derived
from delivery.models import Delivery, State
from delivery.services import Progress, cancel, enqueue, retry, state_of
from tests.conftest import Clock
from tests.delivery.conftest import Ask

pytestmark = pytest.mark.django_db


def test_a_request_that_is_rolled_back_leaves_no_message(ask: Ask) -> None:
    def ask_and_fail() -> None:
        with unit():
            ask()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_and_fail()
    assert not Delivery.objects.exists()


def test_asking_outside_of_a_transaction_is_a_mistake(clock: Clock) -> None:
    with pytest.raises(RuntimeError):
        enqueue(to="ben@acme.example", template="code", language="en", now=clock(), expires_at=clock())


@pytest.mark.parametrize("digits", [6, 8])
def test_no_column_holds_the_code_or_the_secret_of_the_link(ask: Ask, clock: Clock, digits: int) -> None:
    now = clock()
    link = described(
        scope="magic-link", id=uuid4(), digits=digits, issued_at=now, expires_at=now + timedelta(minutes=10)
    )
    ask(secret=link, template="link", context={"url": "https://portal.example/login/link/{secret}/"})
    stored = serializers.serialize("json", Delivery.objects.all())
    token = sign_described(link)
    for part in (token, *token.split(".")):
        assert part not in stored
    assert entropy.derived_code(purpose="magic-link", id=link.id, digits=digits) not in stored
    assert json.loads(stored)


@pytest.mark.parametrize("field", ["to", "subject", "from_address"])
@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r", "\x00", "\u2028"])
def test_a_line_break_in_a_header_is_refused(ask: Ask, field: str, breaks: str) -> None:
    with pytest.raises(PortalError, match="line break"):
        ask(**{field: f"ben@acme.example{breaks}Bcc: mallory@evil.example"})
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    "to", ["", "ben", "ben@acme.example, mallory@evil.example", "Ben <ben@acme.example>"]
)
def test_only_one_plain_address_is_taken(ask: Ask, to: str) -> None:
    with pytest.raises(PortalError, match="not a mail address"):
        ask(to=to)


def test_a_link_without_a_place_for_its_secret_is_refused(ask: Ask) -> None:
    with pytest.raises(PortalError):
        ask(secret=Derived(kind="link", purpose="magic", id="1"), context={"url": "https://portal.example/"})


def test_the_person_reads_waiting_then_late_then_sent_or_failed(ask: Ask, clock: Clock) -> None:
    row = ask()
    assert state_of(row.uid, now=clock()) is Progress.QUEUED
    assert state_of(row.uid, now=clock.forward(seconds=11)) is Progress.LATE
    Delivery.objects.update(state=State.SENT)
    assert state_of(row.uid, now=clock()) is Progress.SENT
    for ended in (State.FAILED, State.EXPIRED, State.CANCELLED):
        Delivery.objects.update(state=ended)
        assert state_of(row.uid, now=clock()) is Progress.FAILED
    assert state_of(uuid4(), now=clock()) is Progress.FAILED


def test_a_message_can_be_taken_back_until_it_is_sent(ask: Ask) -> None:
    waiting, sent = ask(), ask()
    Delivery.objects.filter(pk=sent.pk).update(state=State.SENT)
    assert cancel(waiting.uid)
    assert not cancel(sent.uid)
    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == [
        State.CANCELLED,
        State.SENT,
    ]


def test_an_administrator_sends_a_failed_message_again_and_it_is_recorded(ask: Ask, clock: Clock) -> None:
    row = ask(company_id=5)
    Delivery.objects.update(state=State.FAILED, next_try_at=clock() + timedelta(hours=1))
    with unit():
        assert retry(row, origin=Origin(), now=clock()) is None
    row.refresh_from_db()
    assert (row.state, row.next_try_at) == (State.QUEUED, clock())
    assert AuditEvent.objects.get().event == "delivery:message:retried"


@pytest.mark.parametrize("state", [State.SENT, State.CANCELLED, State.EXPIRED, State.LEASED])
def test_what_was_sent_or_taken_back_is_not_sent_again(ask: Ask, clock: Clock, state: State) -> None:
    row = ask()
    Delivery.objects.update(state=state)
    with unit():
        assert isinstance(retry(row, origin=Origin(), now=clock()), Denied)
    row.refresh_from_db()
    assert row.state == state


def test_a_failed_message_whose_code_has_expired_is_not_sent_again(ask: Ask, clock: Clock) -> None:
    row = ask()
    Delivery.objects.update(state=State.FAILED)
    with unit():
        assert isinstance(retry(row, origin=Origin(), now=clock.forward(minutes=11)), Denied)

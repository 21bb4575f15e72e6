"""Several workers at one outbox."""

import threading
from collections import Counter

import pytest
from django.db import connections
from pytest_django import Settings

from audit.models import AuditEvent
from core.db import unit
from delivery.arrivals import arrived, lost
from delivery.drain import drain
from delivery.models import Delivery, Kind, State
from tests.conftest import Clock
from tests.delivery.conftest import Ask
from tests.parallel import in_parallel
from tests.services.smtp import smtp_server
from tests.services.twilio import Fault, twilio_twin
from tests.waiting import until

SID = "SM" + "0" * 32
pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def test_drains_at_the_same_time_send_every_message_once(ask: Ask, clock: Clock, settings: Settings) -> None:
    with unit():
        for number in range(40):
            ask(to=f"person-{number}@acme.example")
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        drain(clock=clock)
        connections.close_all()

    with smtp_server() as box:
        settings.EMAIL_URL = box.url
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
    assert Counter(Counter(mail["To"] for mail in box.mails).values()) == {1: 40}
    assert Delivery.objects.filter(state=State.SENT, attempts=1).count() == 40


@pytest.mark.parametrize("slow", ["mails", "texts"])
def test_neither_kind_of_message_waits_for_the_other(
    ask: Ask, clock: Clock, settings: Settings, slow: str
) -> None:
    with unit():
        for number in range(3):
            ask(to=f"person-{number}@acme.example")
            ask(to=f"+491511234567{number}", kind=Kind.SMS, subject="")
    taken: list[int] = []
    with smtp_server() as box, twilio_twin() as twin:
        settings.EMAIL_URL = box.url
        for name, value in twin.environment.items():
            setattr(settings, name, value)
        if slow == "mails":
            box.slow["RCPT"] = 1.0
        else:
            twin.always = Fault(delay=1.0)
        worker = threading.Thread(target=lambda: (taken.append(drain(clock=clock)), connections.close_all()))
        worker.start()
        quick, others = (twin.texts, box.mails) if slow == "mails" else (box.mails, twin.texts)
        until(lambda: len(quick) == 3, seconds=10)
        assert len(others) < 3
        worker.join(30)
        assert len(others) == 3
    assert taken == [6]
    assert Delivery.objects.filter(state=State.SENT, attempts=1).count() == 6


def test_what_twilio_says_in_many_calls_at_once_is_written_down_once(ask: Ask, clock: Clock) -> None:
    row = ask(to="+4915112345678", kind=Kind.SMS, subject="")
    Delivery.objects.update(state=State.SENT, provider_id=SID)

    def call(number: int) -> None:
        lost(row, provider_id=SID, reason="It is lost.", now=clock())

    in_parallel(8, call)
    assert AuditEvent.objects.filter(event="delivery:message:failed").count() == 1
    in_parallel(8, lambda number: arrived(row, provider_id=SID, now=clock()) if number % 2 else call(number))
    row.refresh_from_db()
    assert (row.state, row.error) == (State.SENT, "")

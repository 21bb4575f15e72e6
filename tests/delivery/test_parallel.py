"""Several workers at one outbox."""

import threading
from collections import Counter

import pytest
from django.db import connections
from pytest_django import Settings

from core.db import unit
from delivery.drain import drain
from delivery.models import Delivery, State
from tests.conftest import Clock
from tests.delivery.conftest import Ask
from tests.services.smtp import smtp_server

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

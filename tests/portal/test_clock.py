"""The clock does the work itself when no worker takes its word."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.db import unit
from core.models import Seen
from delivery.models import Delivery, State
from delivery.services import enqueue
from portal import clock
from portal.celery import app
from portal.clock import Clock


@pytest.fixture
def mail(transactional_db: None) -> Delivery:
    """One that waits."""
    now = timezone.now()
    asked = {"to": "ben@acme.example", "template": "notice", "subject": "Hello", "language": "en", "now": now}
    with unit():
        return enqueue(**asked, context={"display_name": "Ben"}, expires_at=now + timedelta(minutes=10))


def tick(*, worker_seen: timedelta | None) -> str:
    """What becomes of the mail when the clock says that the outbox is to be emptied."""
    if worker_seen is not None:
        Seen.objects.create(name="worker", at=timezone.now() - worker_seen)
    teller = Clock(app)
    teller._began -= clock.UNSEEN_SECONDS + 1
    teller.apply_async(teller.schedule["drain the outbox"])
    return str(Delivery.objects.get().state)


def test_what_a_worker_takes_is_left_to_it(mail: Delivery) -> None:
    assert tick(worker_seen=timedelta(seconds=10)) == State.QUEUED


@pytest.mark.parametrize("worker_seen", [None, timedelta(minutes=5)])
def test_what_no_worker_takes_is_done_here(mail: Delivery, worker_seen: timedelta | None) -> None:
    assert tick(worker_seen=worker_seen) != State.QUEUED


def test_a_broker_that_takes_nothing_does_not_matter(mail: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(app.tasks["delivery.drain"], "apply_async", refuse)
    assert tick(worker_seen=timedelta(seconds=10)) != State.QUEUED


def test_a_broker_that_took_nothing_is_not_asked_again_for_a_while(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(*_args: object, **_more: object) -> None:
        asked.append(1)
        raise ConnectionError

    monkeypatch.setattr(app.tasks["delivery.drain"], "apply_async", refuse)
    teller = Clock(app)
    for _due in range(3):
        teller.apply_async(teller.schedule["drain the outbox"])
    assert len(asked) == 1  # one that hangs costs seconds each time
    teller._rests_until = 0
    teller.apply_async(teller.schedule["drain the outbox"])
    assert len(asked) == 2

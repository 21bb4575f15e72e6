"""Work by the clock that concerns more than one app."""

from typing import Any

from celery import shared_task
from celery.signals import task_postrun
from django.utils import timezone

from accounts import housekeeping as accounts
from core import idempotency, seen, throttle
from login import housekeeping as login
from twofactor import housekeeping as twofactor


@shared_task(name="portal.prune")
def prune() -> int:
    """Delete what can no longer matter, of every app; the number of rows."""
    now = timezone.now()
    return sum(one.prune(now=now) for one in (login, twofactor, accounts, throttle, idempotency))


@shared_task(name="portal.tick")
def tick() -> None:
    """Note that the clock ran, and that what it says is done."""
    seen.note(seen.CLOCK, now=timezone.now())


@task_postrun.connect
def _note_worker(task: Any = None, **_more: Any) -> None:
    # What the clock does itself while the broker is away is no sign of a worker.
    if task is not None and not task.request.is_eager:
        seen.note(seen.WORKER, now=timezone.now())

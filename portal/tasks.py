"""Work by the clock that concerns more than one app."""

from contextlib import suppress
from typing import Any

from celery import shared_task
from celery.signals import beat_init, task_postrun, worker_ready
from django.db import Error, connections
from django.utils import timezone

from accounts import housekeeping as accounts
from accounts.impersonation import end_in_books
from cobrowse import housekeeping as cobrowse
from core import idempotency, seen, throttle
from login import housekeeping as login
from oidc import housekeeping as oidc
from twofactor import housekeeping as twofactor


@shared_task(name="portal.prune")
def prune() -> int:
    """Delete what can no longer matter, of every app; the number of rows."""
    now = timezone.now()
    return sum(
        one.prune(now=now) for one in (login, cobrowse, oidc, twofactor, accounts, throttle, idempotency)
    )


@shared_task(name="portal.end-voided")
def end_voided() -> int:
    """End the sessions of people who changed in the Configuration Server; the number of sessions."""
    return accounts.end_voided(now=timezone.now())


@shared_task(name="portal.end-impersonations")
def end_impersonations() -> int:
    """End in the books what administrators began as other people; the number of sessions."""
    return end_in_books(now=timezone.now())


@shared_task(name="portal.tick")
def tick() -> None:
    """Note that the clock ran, and that what it says is done."""
    seen.note(seen.CLOCK, now=timezone.now())


@task_postrun.connect
def _note_worker(task: Any = None, **_more: Any) -> None:
    # What the clock does itself while the broker is away is no sign of a worker.
    if task is not None and not task.request.is_eager:
        seen.note(seen.WORKER, now=timezone.now())


def _note_start(name: str) -> None:
    # Nobody runs the first task of the clock before fifteen seconds are over.
    with suppress(Error):
        seen.note(name, now=timezone.now())
    connections.close_all()  # the worker's first process forks again and again


@worker_ready.connect
def _note_worker_starts(**_signal: Any) -> None:
    _note_start(seen.WORKER)


@beat_init.connect
def _note_clock_starts(**_signal: Any) -> None:
    _note_start(seen.CLOCK)

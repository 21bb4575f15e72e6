"""Work by the clock that concerns more than one app."""

from celery import shared_task
from django.utils import timezone

from accounts import housekeeping as accounts
from core import idempotency, throttle
from login import housekeeping as login
from twofactor import housekeeping as twofactor


@shared_task(name="portal.prune")
def prune() -> int:
    """Delete what can no longer matter, of every app; the number of rows."""
    now = timezone.now()
    return sum(one.prune(now=now) for one in (login, twofactor, accounts, throttle, idempotency))

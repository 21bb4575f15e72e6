"""What the worker runs."""

from celery import shared_task
from django.utils import timezone

from delivery import drain as outbox


@shared_task(name="delivery.drain")
def drain() -> None:
    """Send everything that is due."""
    outbox.drain()


@shared_task(name="delivery.prune")
def prune() -> None:
    """Forget what is old."""
    outbox.prune(now=timezone.now())

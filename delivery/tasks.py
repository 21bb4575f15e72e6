"""What the worker runs."""

from celery import shared_task
from django.utils import timezone

from delivery import drain as outbox
from delivery.sources import ask_sources


@shared_task(name="delivery.drain")
def drain() -> None:
    """Decide what is to be sent, and send everything that is due."""
    ask_sources(now=timezone.now())
    outbox.drain()


@shared_task(name="delivery.prune")
def prune() -> None:
    """Forget what is old."""
    outbox.prune(now=timezone.now())

"""What the worker runs for people's ways in."""

from celery import shared_task
from django.utils import timezone

from accounts.integrations.reading import read_due


@shared_task(name="accounts.read-keys")
def read_keys() -> None:
    """Read the keys of integrations that are due."""
    read_due(now=timezone.now())

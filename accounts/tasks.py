"""What the worker runs for people's ways in."""

from celery import shared_task
from django.utils import timezone

from accounts import signing_keys
from accounts.integrations.reading import read_due


@shared_task(name="accounts.read-keys")
def read_keys() -> None:
    """Read the keys of integrations that are due."""
    read_due(now=timezone.now())


@shared_task(name="accounts.rotate-keys")
def rotate_keys() -> int:
    """Publish the signing key that is due and erase what has gone; the number of keys."""
    return signing_keys.ensure_keys(now=timezone.now())

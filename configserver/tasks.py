"""What the worker runs for the Configuration Server."""

from celery import shared_task
from django.utils import timezone

from configserver.looking import look


@shared_task(name="configserver.check")
def check() -> None:
    """Look at the servers of the directories."""
    look(now=timezone.now())

"""What the worker runs for the Configuration Server."""

from celery import shared_task
from django.utils import timezone

from configserver.health_checks import check_servers


@shared_task(name="configserver.check")
def check() -> None:
    """Check the servers of the directories."""
    check_servers(now=timezone.now())

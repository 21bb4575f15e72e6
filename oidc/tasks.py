"""What the worker runs for clients of OpenID Connect."""

from celery import shared_task
from django.utils import timezone

from oidc.ending import TELL, tell_clients


@shared_task(name=TELL)
def tell() -> int:
    """Tell clients of sessions that have ended; how many were reached."""
    return tell_clients(now=timezone.now())

"""What signing in leaves behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from login.help.asking import expire
from login.models import Attempt, HelpRequest

KEPT = timedelta(days=1)  # sends per person are counted over 24 hours
REQUESTS_KEPT = timedelta(days=30)


def prune(*, now: datetime) -> int:
    """Delete attempts that ended or expired a day ago, and help requests that ended a month ago; the number of them."""
    expire(now=now)
    attempts, _by_model = Attempt.objects.filter(expires_at__lt=now - KEPT).delete()
    requests, _by_model = HelpRequest.objects.filter(expires_at__lt=now - REQUESTS_KEPT).delete()
    return attempts + requests

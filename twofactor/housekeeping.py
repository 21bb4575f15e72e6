"""What codes leave behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from twofactor.models import Challenge

KEPT = timedelta(days=2)


def prune(*, now: datetime) -> int:
    """Delete codes that expired two days ago; the number of them."""
    return Challenge.objects.filter(expires_at__lt=now - KEPT).delete()[0]

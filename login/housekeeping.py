"""What signing in leaves behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from login.models import Attempt

KEPT = timedelta(days=1)  # sends per person are counted over 24 hours


def prune(*, now: datetime) -> int:
    """Delete attempts that ended or expired a day ago; the number of them."""
    return Attempt.objects.filter(expires_at__lt=now - KEPT).delete()[0]

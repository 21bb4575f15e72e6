"""What people leave behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from accounts.models import Browser, Session

SESSIONS_KEPT = timedelta(days=400)  # people see their sign-ins of the last year
BROWSERS_KEPT = timedelta(days=365)  # as long as the cookie


def prune(*, now: datetime) -> int:
    """Delete sessions long ended, with their tokens, and browsers long unseen; the number of rows."""
    sessions = Session.objects.filter(expires_at__lt=now - SESSIONS_KEPT).delete()[0]
    return sessions + Browser.objects.filter(last_seen_at__lt=now - BROWSERS_KEPT).delete()[0]

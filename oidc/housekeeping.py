"""What codes and sessions at clients leave behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from accounts.models import Session
from oidc.models import ClientSession

UNUSED_KEPT = timedelta(hours=1)


def prune(*, now: datetime) -> int:
    """Delete codes that nobody used, with the sessions that never began; the number of rows. What began goes with its session."""
    unused = ClientSession.objects.filter(used_at=None, code_expires_at__lt=now - UNUSED_KEPT)
    return Session.objects.filter(pk__in=list(unused.values_list("session", flat=True)[:1_000])).delete()[0]

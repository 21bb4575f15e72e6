"""What co-browse leaves behind, removed when it is kept no longer."""

from datetime import datetime, timedelta

from django.db.models import Q

from cobrowse.models import CobrowseSession
from cobrowse.options import HISTORY_DAYS
from tenants.settings import snapshot

NEVER_JOINED_KEPT = timedelta(days=1)  # nobody was in them but a customer, so there is nothing to look up
BATCH = 200


def prune(*, now: datetime) -> int:
    """Delete the sessions that ended before the days of `Cobrowse.HistoryDays`, with the pages that were seen, and those that nobody
    joined; the number of rows."""
    kept = timedelta(days=snapshot(None).number(HISTORY_DAYS))
    nobody = Q(activated_at=None, ended_at__lt=now - min(kept, NEVER_JOINED_KEPT))
    old = CobrowseSession.objects.filter(Q(ended_at__lt=now - kept) | nobody).order_by("ended_at")
    gone = 0
    while pks := list(old.values_list("pk", flat=True)[:BATCH]):
        gone += CobrowseSession.objects.filter(pk__in=pks).delete()[0]
    return gone

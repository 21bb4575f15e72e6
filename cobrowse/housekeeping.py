"""What co-browse leaves behind, removed when it is kept no longer."""

from datetime import datetime, timedelta

from cobrowse.options import HISTORY_DAYS
from cobrowse.sessions import life
from tenants.settings import snapshot


def prune(*, now: datetime) -> int:
    """Delete the sessions that ended before the days of `Cobrowse.HistoryDays`, with the pages that were seen; the number of rows."""
    return life.prune(before=now - timedelta(days=snapshot(None).number(HISTORY_DAYS)))

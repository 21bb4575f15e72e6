"""Signs of life of the parts that nobody can ask: the worker and the clock. In the database, for they may run on another machine."""

import time
from datetime import datetime

from core.models import Seen

WORKER, CLOCK = "worker", "clock"
EVERY_SECONDS = 15.0
_noted: dict[str, float] = {}


def note(name: str, *, now: datetime) -> None:
    """This part has just done its work. Written every fifteen seconds at most by each process."""
    if time.monotonic() - _noted.get(name, float("-inf")) < EVERY_SECONDS:
        return
    Seen.objects.bulk_create(
        [Seen(name=name, at=now)], update_conflicts=True, unique_fields=["name"], update_fields=["at"]
    )
    _noted[name] = time.monotonic()


def last() -> dict[str, datetime]:
    """When each part was last seen."""
    return dict(Seen.objects.filter(name__in=(WORKER, CLOCK)).values_list("name", "at"))

"""Signs of life of what nobody can ask: the worker, the clock, and two commands. In the database, for they may run on another machine."""

import time
from datetime import datetime

from core.models import Seen

WORKER, CLOCK = "worker", "clock"
BACKUP, VERIFICATION = "backup", "verification"
EVERY_SECONDS = 15.0
_noted: dict[str, float] = {}


def note(name: str, *, now: datetime) -> None:
    """This has just been done, or begun to work. Written every fifteen seconds at most by each process."""
    if time.monotonic() - _noted.get(name, float("-inf")) < EVERY_SECONDS:
        return
    Seen.objects.bulk_create(
        [Seen(name=name, at=now)], update_conflicts=True, unique_fields=["name"], update_fields=["at"]
    )
    _noted[name] = time.monotonic()


def last() -> dict[str, datetime]:
    """When each was last seen; one that never was is missing."""
    return dict(Seen.objects.values_list("name", "at"))

"""Token buckets: how a rate is counted in one process, and corrected by what others counted."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

MOST_BUCKETS = 50_000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Where a caller stands: `limit` calls a minute, how many are left at once, and the seconds until all are."""

    limit: int
    remaining: int
    reset: int
    refused: bool = False


class Buckets:
    """Token buckets by key, refilled evenly over a minute; the longest unused are forgotten first.

    A bucket may be corrected to less than nothing: what was taken too much elsewhere has to be waited for.
    """

    def __init__(self, a_minute: int, *, name: str = "") -> None:
        self.limit, self.name = a_minute, name
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._taken: dict[str, int] = {}

    def take(self, key: str, *, now: float) -> Rate:
        """Take one call from the bucket of `key` at monotonic time `now`, if there is one left."""
        a_second = self.limit / 60
        with self._lock:
            tokens, at = self._buckets.pop(key, (float(self.limit), now))
            tokens = min(float(self.limit), tokens + (now - at) * a_second)
            refused = tokens < 1
            if not refused:
                tokens -= 1
                self._taken[key] = self._taken.get(key, 0) + 1
            self._buckets[key] = (tokens, now)
            while len(self._buckets) > MOST_BUCKETS:
                forgotten, _bucket = self._buckets.popitem(last=False)
                self._taken.pop(forgotten, None)
        missing = 1 - tokens if refused else self.limit - tokens
        return Rate(
            limit=self.limit,
            remaining=max(0, int(tokens)),
            reset=max(1, round(missing / a_second)),
            refused=refused,
        )

    def taken(self) -> dict[str, int]:
        """How many calls were taken by key since this was asked last."""
        with self._lock:
            taken, self._taken = self._taken, {}
        return taken

    def correct(self, key: str, tokens: float, *, now: float) -> None:
        """Hold from now on what all have left together; what was taken here since `taken()` goes off it."""
        with self._lock:
            if key in self._buckets:
                # Never more than is given out, and never so little that it would not come back: Redis may say anything.
                bounded = min(float(self.limit), max(-float(self.limit), tokens))
                self._buckets[key] = (bounded - self._taken.get(key, 0), now)

    def clear(self) -> None:
        """Forget every caller."""
        with self._lock:
            self._buckets.clear()
            self._taken.clear()

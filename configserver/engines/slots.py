"""At most half of a process's threads are in directory calls at once, so that a directory that hangs slows nobody else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Condition

from django.conf import settings

LONGEST_WAIT = 1.0  # seconds, while the calls under way are quick
SLOW_AFTER = 0.5  # seconds; once a call takes longer, nobody waits behind it


class Slots:
    """So many callers at once. Others wait a little while calls are quick, and not at all once one hangs."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._since: dict[object, float] = {}
        self._changed = Condition()

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Whether there was room; if so, it is held until the end of the block."""
        mine = object()
        taken = self._take(mine)
        try:
            yield taken
        finally:
            if taken:
                with self._changed:
                    del self._since[mine]
                    self._changed.notify()

    def _take(self, mine: object) -> bool:
        gives_up = self._clock() + LONGEST_WAIT
        with self._changed:
            while len(self._since) >= self._most:
                now = self._clock()
                patience = min(min(self._since.values()) + SLOW_AFTER, gives_up) - now
                if patience <= 0:
                    return False
                self._changed.wait(patience)
            self._since[mine] = self._clock()
            return True


@cache
def slots() -> Slots:
    """Those of this process."""
    return Slots(max(1, settings.HTTP_THREADS // 2))

"""So many calls to others at once in a process, so that one that hangs does not take every thread with it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

LONGEST_WAIT = 1.0  # seconds, while calls come and go
SLOW_AFTER = 0.25  # seconds; once every call under way takes longer, nobody waits behind them


class Slots:
    """So many callers at once. Others wait in a queue while calls come and go, and not at all once all of them hang."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._since: dict[object, float] = {}
        self._queue: list[object] = []
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
                    self._changed.notify_all()

    def _take(self, mine: object) -> bool:
        gives_up = self._clock() + LONGEST_WAIT
        with self._changed:
            self._queue.append(mine)
            try:
                while len(self._since) >= self._most or self._queue[0] is not mine:
                    until = gives_up
                    if len(self._since) >= self._most:
                        until = min(until, max(self._since.values()) + SLOW_AFTER)
                    patience = until - self._clock()
                    if patience <= 0:
                        return False
                    self._changed.wait(patience)
                self._since[mine] = self._clock()
                return True
            finally:
                self._queue.remove(mine)
                self._changed.notify_all()

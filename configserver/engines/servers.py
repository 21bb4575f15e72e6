"""The servers of one directory in one process: which one answers, and which rest after a failure.

The one that answers stays active for all who come later. One that failed, or that nobody has heard of yet, is tried by one caller
at a time where there is another to ask: a hundred callers do not wait together for a server that is dead.
"""

import time
from collections.abc import Callable, Iterator
from threading import Lock

REST_SECONDS = 5.0


class Servers:
    """An ordered list of servers with a circuit breaker on each."""

    def __init__(
        self,
        names: tuple[str, ...],
        *,
        rest: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names, self._rest, self._clock = names, rest, clock
        self._lock = Lock()
        self._active: str | None = None
        self._rests_until: dict[str, float] = {}
        self._tried_until: dict[str, float] = {}  # by one caller, who has not come back yet

    @property
    def active(self) -> str | None:
        """The server that answered last."""
        return self._active

    def candidates(self) -> Iterator[str]:
        """The servers to ask, one after the other; none while all of them rest. Say of each `answered` or `failed`."""
        asked = set[str]()
        while (name := self._next(asked)) is not None:
            asked.add(name)
            yield name

    def _next(self, asked: set[str]) -> str | None:
        with self._lock:
            now = self._clock()
            awake = [
                name for name in self._names if name not in asked and self._rests_until.get(name, 0) <= now
            ]
            if self._active in awake:
                return self._active
            free = [name for name in awake if self._tried_until.get(name, 0) <= now]
            # Where every other one is being tried, waiting with the others is all that is left.
            name = next(iter(free or awake), None)
            if name is not None:
                self._tried_until[name] = now + self._rest
            return name

    def answered(self, name: str) -> None:
        """It said something that can be trusted. Of two that answer at once, the one that stands first stays."""
        with self._lock:
            self._rests_until.pop(name, None)
            self._tried_until.pop(name, None)
            if self._active is None or self._names.index(name) < self._names.index(self._active):
                self._active = name

    def failed(self, name: str) -> None:
        """It said nothing, or nothing that can be trusted: for a while nobody asks it."""
        with self._lock:
            self._rests_until[name] = self._clock() + self._rest
            self._tried_until.pop(name, None)
            if self._active == name:
                self._active = None

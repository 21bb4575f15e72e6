"""The servers of one directory in one process: which one answers, and which rest after a failure.

The one that answers stays active for all who come later. One that failed, or that nobody has heard of yet, is tried by one caller
at a time: a hundred callers do not wait together for a server that is dead.
"""

import time
from collections.abc import Callable, Iterator
from threading import Condition

REST_SECONDS = 5.0
NEWS_WITHIN = 0.25  # seconds from the beginning of a trial in which others wait for what comes of it


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
        self._news = Condition()
        self._active: str | None = None
        self._answered_at: dict[str, float] = {}
        self._rests_until: dict[str, float] = {}  # of those whose last news was a failure
        self._tried_since: dict[str, float] = {}  # by one caller, who has not come back yet

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

    def awake(self, *, but: frozenset[str] | set[str] = frozenset()) -> list[str]:
        """Those that do not rest, in order, without these."""
        now = self._clock()
        return [name for name in self._names if name not in but and self._rests_until.get(name, now) <= now]

    def _next(self, asked: set[str]) -> str | None:
        with self._news:
            while awake := self.awake(but=asked):
                if self._active in awake:
                    return self._active
                now = self._clock()
                free = (
                    name
                    for name in awake
                    if self._tried_since.get(name, now - self._rest) + self._rest <= now
                )
                if (name := next(free, None)) is not None:
                    self._tried_since[name] = now
                    return name
                patience = max(self._tried_since[name] for name in awake) + NEWS_WITHIN - now
                if patience <= 0:
                    # One that has failed is tried by one alone. For one that nobody knows, waiting together is all that is left.
                    return next((name for name in awake if name not in self._rests_until), None)
                self._news.wait(patience)
        return None

    def answered(self, name: str) -> None:
        """It said something that can be trusted. Of two that answer at once, the one that stands first stays."""
        with self._news:
            self._rests_until.pop(name, None)
            self._tried_since.pop(name, None)
            self._answered_at[name] = self._clock()
            if self._active is None or self._names.index(name) < self._names.index(self._active):
                self._active = name
            self._news.notify_all()

    def failed(self, name: str, *, since: float | None = None) -> None:
        """It said nothing, or nothing that can be trusted: for a while nobody asks it.

        With the moment `since` which it was asked: not if it has answered somebody after that, for then only one call was lost.
        """
        with self._news:
            self._tried_since.pop(name, None)
            if since is None or self._answered_at.get(name, since) <= since:
                self._rests_until[name] = self._clock() + self._rest
                if self._active == name:
                    self._active = None
            self._news.notify_all()

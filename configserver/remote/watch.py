"""Hears of changes at a remote Configuration Server: its counter is asked for a few times a second, by one thread a process."""

import threading
import time
from collections.abc import Callable

from django.conf import settings

FRESH_SECONDS = 1.0
STANDS_SECONDS = (
    30.0  # so long what was heard last stands while nobody answers; then nobody is known any more
)

Look = Callable[[], tuple[str, int] | None]


class Watch:
    """Counts the changes that were heard of. `look` tells the installation over there and its counter, or None."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = False
        self._seen: tuple[str, int] | None = None
        self._heard_at = float("-inf")
        self._generation = 0

    def end(self) -> None:
        """Look no more."""
        self._ended = True

    @property
    def generation(self) -> int:
        """The count so far. Waits for nobody, but where no thread looks (tests)."""
        if settings.CONFIGSERVER_POLL_SECONDS:
            self._begin()
        else:
            self._hear()
        return self._generation

    def knows(self) -> bool:
        """Whether what was heard here may be relied on; looks itself where the thread has not been heard of for over a second."""
        if self.generation == 0 or time.monotonic() - self._heard_at > FRESH_SECONDS:
            self._hear()
        return time.monotonic() - self._heard_at <= STANDS_SECONDS

    def _begin(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._poll, name="configserver", daemon=True)
                self._thread.start()

    def _poll(self) -> None:
        while not self._ended:
            self._hear()
            time.sleep(settings.CONFIGSERVER_POLL_SECONDS)

    def _hear(self) -> None:
        # The age counts from before the question.
        before, seen = time.monotonic(), self._look()
        if seen is None:
            return
        with self._lock:
            if seen != self._seen:
                self._seen = seen
                self._generation += 1
            self._heard_at = max(self._heard_at, before)

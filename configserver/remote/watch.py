"""Hears of changes at a remote Configuration Server: its counter is asked for a few times a second, by one thread a process."""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings

logger = logging.getLogger(__name__)
FRESH_SECONDS = 1.0
STANDS_SECONDS = (
    30.0  # so long what was heard last stands while nobody answers; then nobody is known any more
)

Look = Callable[[], tuple[str, int] | None]


class Watch:
    """Counts the changes that were heard of. `look` tells the installation over there and its counter, or None.

    `count` is their number so far, and `heard_at` the monotonic time of the last look that was answered.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = False
        self._seen: tuple[str, int] | None = None
        self.heard_at = float("-inf")
        self.count = 0

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
        return self.count

    def knows(self) -> bool:
        """Whether what was heard here may be relied on; looks itself where the thread has not been heard of for over a second."""
        if self.generation == 0 or time.monotonic() - self.heard_at > FRESH_SECONDS:
            self._hear()
        return self.stands(self.heard_at)

    def stands(self, heard_at: float) -> bool:
        """Whether what was heard at that monotonic time may still be relied on."""
        return time.monotonic() - heard_at <= STANDS_SECONDS

    def doubt(self) -> None:
        """What was asked for after the last change was not heard, so the next look counts as one."""
        with self._lock:
            self._seen = None

    def _begin(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._poll, name="configserver", daemon=True)
                self._thread.start()

    def _poll(self) -> None:
        while not self._ended:
            try:
                self._hear()
            except Exception:
                # It must not end: nobody would hear of changes any more.
                logger.exception("configserver: the thread that listens goes on after an error")
            time.sleep(settings.CONFIGSERVER_POLL_SECONDS)

    def _hear(self) -> None:
        # The age counts from before the question.
        before, seen = time.monotonic(), self._look()
        if seen is None:
            return
        with self._lock:
            if seen != self._seen:
                self._seen = seen
                self.count += 1
            self.heard_at = max(self.heard_at, before)

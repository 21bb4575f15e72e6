"""The clock: says what is due, and does it itself while nobody takes its word: a dead Redis or a deaf worker delays mails, no more."""

import logging
import time
from datetime import timedelta
from typing import Any

from celery import beat
from django.db import Error, close_old_connections
from django.utils import timezone

from core import seen

logger = logging.getLogger(__name__)
# So long a broker that did not answer is not asked again: one that hangs costs seconds each time, and whatever else is due would wait.
RESTS_SECONDS = 15.0
UNSEEN_SECONDS = 45.0  # three times as long as a worker that works lets pass between two signs of life


class Clock(beat.Scheduler):  # type: ignore[misc]  # Celery has no types
    """Celery's, kept in memory: every entry is harmless to run late or twice, so there is no state to lose."""

    # Celery would open a connection ahead, and wait for ever for a broker that is away.
    producer = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app.loader.import_default_modules()  # the tasks themselves
        self._began = time.monotonic()
        self._rests_until = 0.0

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        """Have the worker do it; do it here and now when the broker takes no message, or no worker has been seen for long."""
        if time.monotonic() < self._rests_until:
            return self._here(entry)
        try:
            sent = super().apply_async(entry, *args, **kwargs)
        except beat.SchedulingError as error:
            self._rests_until = time.monotonic() + RESTS_SECONDS
            reason = type(error.__cause__ or error.__context__ or error).__name__
            logger.warning("%s is done by the clock, for the broker does not answer: %s", entry.task, reason)
            return self._here(entry)
        if self._no_worker_is_seen():
            logger.warning("%s is done by the clock, for no worker has been seen", entry.task)
            return self._here(entry)
        return sent

    def _here(self, entry: Any) -> Any:
        try:
            return self.app.tasks[entry.task].apply()
        finally:
            close_old_connections()

    def _no_worker_is_seen(self) -> bool:
        close_old_connections()
        try:
            at = seen.last().get(seen.WORKER)
        except Error:
            return False  # without a database there is nothing to do anywhere
        if at is not None and timezone.now() - at < timedelta(seconds=UNSEEN_SECONDS):
            return False
        return time.monotonic() - self._began > UNSEEN_SECONDS

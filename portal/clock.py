"""The clock: says what is due, and does it itself while the broker takes no message. So a dead Redis delays a mail by seconds."""

import logging
from typing import Any

from celery import beat
from django.db import close_old_connections

logger = logging.getLogger(__name__)


class Clock(beat.Scheduler):  # type: ignore[misc]  # Celery has no types
    """Celery's, kept in memory: every entry is harmless to run late or twice, so there is no state to lose."""

    # Celery would open a connection ahead, and wait for ever for a broker that is away.
    producer = None

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        """Have the worker do it, or do it here and now."""
        try:
            return super().apply_async(entry, *args, **kwargs)
        except beat.SchedulingError as error:
            reason = type(error.__cause__ or error.__context__ or error).__name__
            logger.warning("%s is done by the clock, for the broker does not answer: %s", entry.task, reason)
            close_old_connections()
            try:
                return self.app.tasks[entry.task].apply()
            finally:
                close_old_connections()

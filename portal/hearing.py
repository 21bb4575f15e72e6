"""Whether the worker still hears: one that lives and takes no message, as was seen after a Redis that hung, is to be started again."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.signals import task_received

logger = logging.getLogger(__name__)
LOOK_SECONDS = 10.0
DEAF_SECONDS = 90.0  # longer than any task may keep the worker from taking the next message


class Hearing:
    """When the worker last took a message, and whether messages wait for it while it takes none."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._heard_at = time.monotonic()

    def note(self, **_signal: Any) -> None:
        """A message was taken."""
        self._heard_at = time.monotonic()

    def is_lost(self) -> bool:
        """Whether messages have been waiting for long; a broker that does not answer holds them itself."""
        if time.monotonic() - self._heard_at < DEAF_SECONDS:
            return False
        try:
            waiting = self._waiting()
        except Exception as error:  # whatever the transport raises
            logger.warning("the broker does not tell what waits: %s", type(error).__name__)
            self.note()
            return False
        if not waiting:
            self.note()
        return waiting > 0

    def _waiting(self) -> int:
        queue = self._app.conf.task_default_queue
        with self._app.connection_for_read() as connection:
            return int(connection.default_channel._size(queue))


def watch(app: Celery, *, end: Callable[[], None] | None = None) -> None:
    """From now on, look after the worker in this process and end it when it no longer hears; its supervisor starts another."""
    hearing = Hearing(app)
    task_received.connect(hearing.note, weak=False)
    threading.Thread(target=_look, args=(hearing, end or _end), name="hearing", daemon=True).start()


def _look(hearing: Hearing, end: Callable[[], None]) -> None:
    while not hearing.is_lost():
        time.sleep(LOOK_SECONDS)
    logger.error("messages wait and the worker takes none: it is started again")
    end()


def _end() -> None:
    # What it had in hand is leased, and goes on with the next one; a worker that hears nothing does not hear SIGTERM either.
    os.kill(os.getpid(), signal.SIGKILL)

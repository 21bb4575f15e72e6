"""Telling the worker to look into the outbox now, without ever making the one who asks wait.

A thread of its own talks to the broker: a broker that is dead or hangs delays that thread alone. What is lost that way does
no harm, for the clock says the same every few seconds. Many wishes at once become one message.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)
EXPIRES_SECONDS = 10
PAUSE_AFTER_FAILURE = 5.0


class Waker:
    """Sends the wish through the queue that `find_queue` gives, from a thread that each process starts at its first wish."""

    def __init__(
        self,
        find_queue: Callable[[], Any],
        *,
        task: str = "delivery.drain",
        pause: float = PAUSE_AFTER_FAILURE,
    ) -> None:
        self._find_queue, self._task, self._pause = find_queue, task, pause
        self._lock = threading.Lock()
        self._pid = 0
        self._wanted = threading.Event()

    def __call__(self) -> None:
        """Wish; returns at once."""
        if self._pid != os.getpid():
            self._start()
        self._wanted.set()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._wanted = threading.Event()
            self._pid = os.getpid()
            threading.Thread(target=self._publish, args=(self._wanted,), name="wake", daemon=True).start()

    def _publish(self, wanted: threading.Event) -> None:
        queue = self._find_queue()  # not before: loading it takes a third of a second
        while True:
            wanted.wait()
            wanted.clear()
            try:
                queue.send_task(self._task, expires=EXPIRES_SECONDS, ignore_result=True, retry=False)
            except Exception as error:  # brokers raise what they like; the thread outlives it
                logger.warning(
                    "the worker could not be woken and will look by itself: %s", type(error).__name__
                )
                time.sleep(self._pause)


# Named in the settings, because the queue is composed in an app above this one.
def _queue() -> Any:
    return import_string(settings.CELERY_APP)


_waker = Waker(_queue)


def for_task(task: str) -> Waker:
    """Has the worker run this task soon, in the same way."""
    return Waker(_queue, task=task)


def worker() -> None:
    """Have the worker drain the outbox soon; returns at once and never fails."""
    _waker()

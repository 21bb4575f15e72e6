"""Whether the database takes questions and answers none: noticed by the thread that polls it, asked by whoever would wait for it in vain.

A database that refuses connections fails at once and needs no such thing; one that hangs would take every thread of a process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 2.0


class Silence:
    """Begins when a question has been open for two seconds, and ends with the next answer."""

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._lasts = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around a question that the database answers at once where all is well."""
        self._asked_at = time.monotonic()
        try:
            yield
        except BaseException:
            self._note()
            raise
        else:
            self._lasts = False
        finally:
            self._asked_at = None

    @property
    def lasts(self) -> bool:
        """Whether it would be in vain to ask."""
        self._note()
        return self._lasts

    def _note(self) -> None:
        asked_at = self._asked_at
        if asked_at is not None and time.monotonic() - asked_at > PATIENCE_SECONDS:
            self._lasts = True


database = Silence()

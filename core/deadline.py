"""A moment by which something must have ended, handed down through everything that waits."""

import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """So many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then; below zero once it has passed."""
        return self.at - time.monotonic()

    def within(self, seconds: float) -> "Deadline":
        """The same moment, or one in so many seconds if that comes first."""
        return min(self, Deadline.after(seconds), key=lambda one: one.at)

    def patience(self) -> float:
        """How long the next wait may take. Raises TimeoutError once nothing is left."""
        if (left := self.left) <= 0:
            raise TimeoutError
        return left

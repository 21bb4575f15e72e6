"""Waiting until something is so, and no longer."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], *, seconds: float, what: str = "what was waited for") -> float:
    """Wait for it; how long that took. Fails after so many seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.01)
    return time.monotonic() - began

"""How long what gets worse with time is tried, and telling what was measured."""

import os
import sys


def soak_seconds(usual: float) -> float:
    """So many seconds, or as many as `SOAK_SECONDS` in the environment says."""
    return float(os.environ.get("SOAK_SECONDS") or usual)


def told(sentence: str) -> None:
    """A line for whoever runs the tests with `-s`."""
    sys.stdout.write(f"\n{sentence}\n")

"""How long what gets worse with time is tried: short in every run, as long as `SOAK_SECONDS` says where somebody asks."""

import os


def soak_seconds(usual: float) -> float:
    """So many seconds, unless the environment says otherwise."""
    return float(os.environ.get("SOAK_SECONDS") or usual)

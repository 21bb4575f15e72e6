"""Pure: which policy holds, and whether it asks for a second factor."""

from collections.abc import Iterable

STRICTNESS = ("off", "optional", "required")  # from lax to strict


def strictest(policies: Iterable[str]) -> str:
    """The strictest of these policies; an empty one says nothing."""
    return max((one for one in policies if one), key=STRICTNESS.index, default="off")


def is_needed(policy: str, *, turned_on: bool) -> bool:
    """Whether a second factor is asked for: always when required, of those who turned it on when optional."""
    return policy == "required" or (policy == "optional" and turned_on)

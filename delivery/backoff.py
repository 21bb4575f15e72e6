"""Pure: how long to wait before the next try."""

from datetime import timedelta

FIRST_SECONDS, LONGEST_SECONDS = 5, 600


def pause(attempts: int, *, jitter: float) -> timedelta:
    """5 s after the first failed try, doubling up to 10 min; `jitter` (0 to 1) takes off up to a fifth, to spread a crowd."""
    seconds = min(FIRST_SECONDS * 2 ** min(max(attempts - 1, 0), 10), LONGEST_SECONDS)
    return timedelta(seconds=seconds * (1 - jitter / 5))

"""At most half of a process's threads are in directory calls at once, so that a directory that hangs slows nobody else."""

from functools import cache

from django.conf import settings

from core.slots import Slots


def room() -> int:
    """How many calls to directories there can be at once in a process."""
    return max(1, settings.HTTP_THREADS // 2)


@cache
def slots() -> Slots:
    """Those of this process."""
    return Slots(room())

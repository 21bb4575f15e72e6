"""Processes seen from outside: who is below whom, and holding them still."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path


def children(pid: int) -> list[int]:
    """The process ids right below this one, oldest first."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def descendants(pid: int) -> list[int]:
    """Everything below this process, parents before their children."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def freeze(*pids: int) -> list[int]:
    """Stop these where they are, as a machine that hangs; those that were there to be stopped."""
    return [pid for pid in pids if _sent(pid, signal.SIGSTOP)]


def thaw(pids: Iterable[int]) -> None:
    """Let them go on."""
    for pid in pids:
        _sent(pid, signal.SIGCONT)


def _sent(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True

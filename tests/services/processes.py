"""Processes seen from outside: who is below whom, ending them, and holding them still."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import until


class Running:
    """A server in a process of its own, which the class that starts it keeps in `_server`."""

    _server: "subprocess.Popen[bytes]"

    @property
    def is_up(self) -> bool:
        """Whether it still runs."""
        return self._server.poll() is None

    def stop(self) -> None:
        """Stop in order."""
        self._server.terminate()
        self._server.wait(10)

    def kill(self) -> None:
        """End it without warning."""
        self._server.kill()
        self._server.wait(10)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Meanwhile the system takes connections and datagrams for it, and nothing is answered; afterwards all of them are, late."""
        stopped = freeze(self._server.pid)
        until(lambda: all(map(_is_still, stopped)), seconds=5, what="the server to stand still")
        try:
            yield
        finally:
            thaw(stopped)


def _is_still(pid: int) -> bool:
    states = (
        thread.read_text().rpartition(")")[2].split()[0]
        for thread in Path(f"/proc/{pid}/task").glob("*/stat")
    )
    return all(state == "T" for state in states)


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

"""One process tree: starts services as children, restarts those that die, and leaves none behind, however it ends itself.

Single-threaded and without a database connection of its own, because it forks.
"""

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

logger = logging.getLogger(__name__)

STOP_SECONDS = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 60.0  # a service that lived this long starts again without a pause grown by earlier deaths
_PR_SET_PDEATHSIG = 1
_AWAITED = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM}


@dataclass(frozen=True, kw_only=True)
class Service:
    """A part of the product that runs until it is told to stop, in a process of its own."""

    name: str
    run: Callable[[], None]


@dataclass(kw_only=True)
class _Child:
    service: Service
    pid: int = 0
    started: float = 0.0
    start_at: float = 0.0
    pause: float = FIRST_PAUSE


def end_with_parent() -> None:
    """Have the kernel end this process when its parent goes, even by SIGKILL (Linux; elsewhere nothing is promised)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


@dataclass(frozen=True)
class Errand:
    """A task that runs once in a child, so that nothing it opens is held on here."""

    pid: int

    @classmethod
    def begin(cls, task: Callable[[], None]) -> "Errand":
        """Start it; it runs while we do something else."""
        return cls(_fork(task, name="errand"))

    def succeeded(self) -> bool:
        """Wait for its end."""
        return os.waitpid(self.pid, 0)[1] == 0


class Supervisor:
    """Keeps its services running until SIGINT or SIGTERM."""

    def __init__(self, *, before_stop: Callable[[], float] = lambda: 0.0) -> None:
        """`before_stop` is called when it begins to stop, and gives the seconds to go on serving for."""
        self._before_stop = before_stop
        self._children: dict[str, _Child] = {}
        self._stopping = False
        signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)

    def start(self, service: Service) -> None:
        """Start one more service."""
        child = self._children[service.name] = _Child(service=service)
        self._launch(child)

    def start_first(self, service: Service, *, ready: Callable[[], bool], seconds: float) -> bool:
        """Start a service and wait until it is ready; False when it died, was interrupted, or took longer than that."""
        self.start(service)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if ready():
                return True
            if signal.sigtimedwait(_AWAITED, 0.02):
                return False
        return False

    def run(self) -> None:
        """Watch over the services; returns once all are stopped."""
        while True:
            received = signal.sigtimedwait(_AWAITED, self._seconds_to_next_start())
            if received and received.si_signo != signal.SIGCHLD:
                self.stop()
                return
            self._reap()
            for child in self._children.values():
                if not child.pid and child.start_at <= time.monotonic():
                    self._launch(child)

    def stop(self) -> None:
        """Ask every service to stop, and end those that have not after a while or at a second signal."""
        self._stopping = True
        signal.sigtimedwait(_AWAITED - {signal.SIGCHLD}, self._before_stop())
        for child in self._running():
            os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._running() and (left := deadline - time.monotonic()) > 0:
            received = signal.sigtimedwait(_AWAITED, left)
            if received and received.si_signo != signal.SIGCHLD:
                break
            self._reap()
        for child in self._running():
            _end_group(child.pid)

    def _running(self) -> list[_Child]:
        return [child for child in self._children.values() if child.pid]

    def _launch(self, child: _Child) -> None:
        child.pid, child.started = _fork(child.service.run, name=child.service.name), time.monotonic()

    def _reap(self) -> None:
        for child in self._running():
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            _end_group(pid)  # what it started itself must not outlive it
            lived = time.monotonic() - child.started
            if lived > STEADY_SECONDS:
                child.pause = FIRST_PAUSE
            child.pid, child.start_at = 0, time.monotonic() + child.pause
            child.pause = min(child.pause * 2, LONGEST_PAUSE)
            if not self._stopping:
                code = os.waitstatus_to_exitcode(status)
                logger.warning(
                    "%s ended (%s) after %.0f s and is started again", child.service.name, code, lived
                )

    def _seconds_to_next_start(self) -> float:
        waiting = [child.start_at for child in self._children.values() if not child.pid]
        return max(min(waiting) - time.monotonic(), 0.0) if waiting else 3600.0


def _fork(task: Callable[[], None], *, name: str) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _live_as_child(parent, task, name=name)
    return pid


def _live_as_child(parent: int, task: Callable[[], None], *, name: str) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)  # Ctrl-C reaches the supervisor alone, which then stops its children in order
        end_with_parent()
        _call_oneself(name)
        for number in _AWAITED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        if os.getppid() == parent:
            task()
            code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            sys.stderr.write(stop.code + "\n")
    except BaseException:  # the last frame of this process: nobody else can report it
        logger.exception("a service ended by an error")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _call_oneself(name: str) -> None:
    with suppress(OSError):  # elsewhere than on Linux they are not told apart
        Path("/proc/self/comm").write_text(name)  # what `ps` and `top` show


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

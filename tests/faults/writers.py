"""Twelve writers at one audit trail, in several processes as on several nodes; also what `script/bench` runs for a minute.

`python -m tests.faults.writers SECONDS THREADS NAME` is one such process; the database and the keys come from its environment.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROCESSES, THREADS = 2, 6
EVENTS = 2  # of each commit


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the writers did together; the worst wait is the longest that one commit took."""

    commits: int
    seconds: float
    worst_ms: float

    @property
    def rate(self) -> float:
        """Commits a second."""
        return self.commits / self.seconds

    def __str__(self) -> str:
        return (
            f"{PROCESSES * THREADS} writers, {self.seconds:.0f} s: {self.commits} commits with {EVENTS} events each, "
            f"{self.rate:.0f} commits/s, the slowest took {self.worst_ms:.0f} ms"
        )


def write_for(seconds: float, *, environment: Mapping[str, str]) -> Figures:
    """Let twelve writers do for so long what every verb does: a row, two events, a new version. Raises if one of them fails."""
    command = [sys.executable, "-m", "tests.faults.writers", str(seconds), str(THREADS)]
    running = [
        subprocess.Popen([*command, f"w{number}"], cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, text=True)
        for number in range(PROCESSES)
    ]  # fmt: skip
    told = [process.communicate(timeout=seconds + 60)[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("A writer failed; its reason stands above.")
    each = [json.loads(text) for text in told]
    return Figures(
        commits=sum(one["commits"] for one in each),
        seconds=seconds,
        worst_ms=max(one["worst_ms"] for one in each),
    )


def _write(name: str, until: float, into: list[float]) -> None:
    from django.db import connections
    from django.utils import timezone

    from audit.events import Event
    from audit.record import Origin, record
    from core import epoch
    from core.db import unit
    from core.models import Tally

    origin, turn = Origin(address="192.0.2.1"), 0
    while time.monotonic() < until:
        began, turn = time.monotonic(), turn + 1
        with unit():
            record(Event.LOGIN_PASSWORD_ACCEPTED, origin=origin, at=timezone.now(), writer=name, turn=turn)
            key = f"writers:{name}"
            row = {"count": turn, "tries": 1, "window": 1, "pause": 0, "window_ends": 0}
            Tally.objects.update_or_create(key=key, defaults=row)
            record(Event.LOGIN_CODE_SENT, origin=origin, at=timezone.now(), writer=name, turn=turn)
            epoch.bump()
        into.append(time.monotonic() - began)
    connections.close_all()


def _main(seconds: str, threads: str, name: str) -> None:
    import django

    django.setup()
    failed: list[BaseException] = []
    threading.excepthook = lambda problem: failed.append(problem.exc_value or RuntimeError())
    took: list[list[float]] = [[] for _ in range(int(threads))]
    until = time.monotonic() + float(seconds)
    writers = [
        threading.Thread(target=_write, args=(f"{name}-{number}", until, into))
        for number, into in enumerate(took)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    if failed:
        raise failed[0]
    every = [one for writer in took for one in writer]
    sys.stdout.write(json.dumps({"commits": len(every), "worst_ms": max(every) * 1000}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    _main(*sys.argv[1:])

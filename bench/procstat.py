"""CPU time and memory of process trees, read from /proc (Linux).

The CPU time of a tree is user and system time of every process in it, and of the children that each has already waited for, so a
process that ended between two readings is counted once. The kernel counts in ticks of 10 ms for each process.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """What one process has used so far, in ticks, and who started it."""

    parent: int
    own: int
    waited_for: int


def parse_stat(text: str) -> Stat:
    """The line of /proc/PID/stat; the name in it may hold spaces and brackets."""
    fields = text[text.rindex(")") + 2 :].split()
    user, system, child_user, child_system = (int(field) for field in fields[11:15])
    return Stat(parent=int(fields[1]), own=user + system, waited_for=child_user + child_system)


def snapshot() -> dict[int, Stat]:
    """Every process that lives now."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = parse_stat((entry / "stat").read_text())
            except (OSError, ValueError):
                continue  # it ended meanwhile
    return found


def tree(root: int, processes: Mapping[int, Stat]) -> list[int]:
    """This process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid, stat in processes.items():
        children.setdefault(stat.parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if pid in processes:
            found.append(pid)
            waiting.extend(children.get(pid, ()))
    return found


Groups = Mapping[str, Iterable[int]]


def cpu_ms(groups: Groups, *, look: Callable[[], dict[int, Stat]] = snapshot) -> dict[str, float]:
    """The CPU milliseconds that each group of process trees has used so far; a tree inside another one counts there alone."""
    processes = look()
    used = {}
    for name, roots in groups.items():
        pids = {pid for root in roots for pid in tree(root, processes)}
        ticks = sum(processes[pid].own + processes[pid].waited_for for pid in pids)
        used[name] = ticks * 1000 / TICKS
    return used


def pss_mib(groups: Groups) -> dict[str, float]:
    """The memory of each group: its own pages, and its part of those that it shares."""
    processes = snapshot()
    return {
        name: sum(_pss_kib(pid) for root in roots for pid in tree(root, processes)) / 1024
        for name, roots in groups.items()
    }


def _pss_kib(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)

"""CPU time and memory of process trees, read from /proc (Linux).

The CPU time of a tree is user and system time of every process in it, and of the children that each has already waited for, so a
process that ended between two readings is counted once. The kernel counts in ticks of 10 ms for each process.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
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


_CLIENT = re.compile(r"^postgres: .* [\d.]+\((\d+)\)")


def client_port(title: str) -> int | None:
    """The port of the client that this process of PostgreSQL serves, as its title tells it; None when it serves nobody."""
    found = _CLIENT.match(title)
    return int(found[1]) if found else None


def ports_of(pids: Iterable[int]) -> set[int]:
    """The local ports of all TCP connections that these processes hold."""
    held = {link for pid in pids for link in _links(pid)}
    lines = (PROC / "net" / "tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return {int(field[1].rpartition(":")[2], 16) for field in fields if f"socket:[{field[9]}]" in held}


def _links(pid: int) -> list[str]:
    found = []
    with suppress(OSError):  # it ended meanwhile, or one of its files was closed
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                found.append(str(entry.readlink()))
    return found


def serving(postmaster: int, clients: Iterable[int], processes: Mapping[int, Stat]) -> float:
    """The CPU milliseconds that a PostgreSQL server has spent on the connections of these process trees."""
    ports = ports_of({pid for root in clients for pid in tree(root, processes)})
    spent = 0
    for pid in tree(postmaster, processes):
        with suppress(OSError):
            if client_port((PROC / str(pid) / "cmdline").read_text()) in ports:
                spent += processes[pid].own
    return spent * 1000 / TICKS


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

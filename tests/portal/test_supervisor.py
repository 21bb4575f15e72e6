"""The process tree: what dies is started again, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until

PROGRAM = """
import os, signal, subprocess, sys, time
from functools import partial
from pathlib import Path
from portal.supervisor import Service, Supervisor

def service(name):
    helper = subprocess.Popen(["sleep", "60"])
    Path(f"{name}.pids").open("a").write(f"{os.getpid()} {helper.pid}\\n")
    signal.signal(signal.SIGTERM, lambda *_: (helper.kill(), sys.exit(0)))
    if name == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)

tree = Supervisor()
for name in sys.argv[1:]:
    tree.start(Service(name=name, run=partial(service, name)))
print("up", flush=True)
tree.run()
"""


class Tree:
    """A supervisor and its services as processes."""

    def __init__(self, folder: Path, *names: str) -> None:
        self._folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *names],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: all(self.starts(name) for name in names), seconds=8)

    def starts(self, name: str) -> list[list[int]]:
        """For each start of the service its own process id and that of its helper."""
        path = self._folder / f"{name}.pids"
        return (
            [[int(pid) for pid in line.split()] for line in path.read_text().splitlines()]
            if path.exists()
            else []
        )

    def alive(self) -> list[int]:
        """Every process that any service ever started and that still runs."""
        everyone = [
            pid for path in self._folder.glob("*.pids") for start in self.starts(path.stem) for pid in start
        ]
        return [pid for pid in everyone if runs(pid)]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """A supervisor with two services, each with a process of its own below it."""
    made = Tree(tmp_path, "web", "worker")
    yield made
    made.process.kill()
    made.process.wait()
    for pid in made.alive():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_everything(tree: Tree, how: signal.Signals) -> None:
    tree.process.send_signal(how)
    assert tree.process.wait(8) == 0
    assert tree.alive() == []


def test_a_killed_service_is_started_again_and_its_helpers_do_not_outlive_it(tree: Tree) -> None:
    ((worker, helper),) = tree.starts("worker")
    os.kill(worker, signal.SIGKILL)
    until(lambda: len(tree.starts("worker")) == 2, seconds=8)
    until(lambda: not runs(helper), seconds=8)
    assert len(tree.starts("web")) == 1


def test_when_the_supervisor_is_killed_its_services_end_too(tree: Tree) -> None:
    tree.process.kill()
    until(lambda: not tree.alive(), seconds=8)


def test_a_service_that_will_not_stop_is_ended_at_the_second_signal(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "stubborn")
    tree.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert tree.alive()
    tree.process.send_signal(signal.SIGINT)
    assert tree.process.wait(5) == 0
    until(lambda: not tree.alive(), seconds=8)

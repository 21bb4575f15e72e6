"""CPU time as the kernel tells it: every process of a tree, and each of them once."""

import os
import socket
import subprocess
import sys

from bench.procstat import Stat, client_port, cpu_ms, parse_stat, ports_of, pss_mib, tree

BURN = "import time\nwhile time.process_time() < 0.3: pass"
PARENT = f"""
import subprocess, sys
print("up", flush=True); sys.stdin.readline()
subprocess.run([sys.executable, "-c", {BURN!r}])
print("done", flush=True); sys.stdin.readline()
"""


def test_a_name_with_brackets_and_spaces_does_not_move_the_fields() -> None:
    line = "42 (web (1) of 2) S 7 42 42 0 -1 4194560 900 0 0 0 11 22 33 44 20 0 1 0 5000 1 2"
    assert parse_stat(line) == Stat(parent=7, own=33, waited_for=77)


def test_a_tree_is_a_process_and_all_that_descend_from_it() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}
    processes = {pid: Stat(parent=parent, own=1, waited_for=0) for pid, parent in parents.items()}
    assert sorted(tree(10, processes)) == [10, 11, 12]
    assert tree(99, processes) == []


def test_two_roots_in_one_tree_are_counted_once() -> None:
    processes = {1: Stat(parent=0, own=5, waited_for=0), 2: Stat(parent=1, own=7, waited_for=0)}
    assert cpu_ms({"web": [1, 2]}, look=lambda: processes) == cpu_ms({"web": [1]}, look=lambda: processes)


def test_the_time_of_a_child_that_has_ended_meanwhile_is_counted() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    groups = {"it": [process.pid]}
    try:
        process.stdout.readline()
        before = cpu_ms(groups)["it"]
        assert pss_mib(groups)["it"] > 1
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        used = cpu_ms(groups)["it"] - before
    finally:
        process.kill()
        process.wait()
    assert 250 < used < 900


def test_a_process_of_the_database_tells_whom_it_serves() -> None:
    assert client_port("postgres: postgres bench1 127.0.0.1(43210) idle in transaction") == 43210
    assert client_port("postgres: walwriter ") is None


def test_the_ports_of_a_process_are_those_that_it_holds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door, socket.create_connection(door.getsockname()) as out:
        assert {door.getsockname()[1], out.getsockname()[1]} <= ports_of([os.getpid()])
        assert out.getsockname()[1] not in ports_of([os.getppid()])

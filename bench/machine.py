"""The machine, and what is measured on it."""

import os
import platform
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.servers import ROOT


def facts(databases: list[str]) -> dict[str, Any]:
    """What a figure means nothing without."""
    memory = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory) / 1024**2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "databases": databases,
        "load_average": ", ".join(f"{one:.1f}" for one in os.getloadavg()),
    }


def _commit() -> str:
    try:
        git = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def hash_ms(threads: int, hashes: int = 4) -> float:
    """CPU milliseconds of one password hash of the product, while so many threads make some at once, as under load."""
    from argon2.low_level import Type, hash_secret

    from accounts.hashers import Argon2id

    spent: list[float] = []

    def make() -> None:
        began = time.thread_time()
        for _ in range(hashes):
            hash_secret(
                b"a password", b"0123456789abcdef", type=Type.ID, hash_len=32,
                time_cost=Argon2id.time_cost, memory_cost=Argon2id.memory_cost, parallelism=Argon2id.parallelism,
            )  # fmt: skip
        spent.append((time.thread_time() - began) * 1000 / hashes)

    workers = [threading.Thread(target=make) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(spent) / len(spent)


def hash_parameters() -> str:
    """How the product hashes."""
    from accounts.hashers import Argon2id

    return f"Argon2id t={Argon2id.time_cost} m={Argon2id.memory_cost} KiB p={Argon2id.parallelism}"

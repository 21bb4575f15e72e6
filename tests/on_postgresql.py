"""The tests on a PostgreSQL of their own: `.venv/bin/python -m tests.on_postgresql`; arguments go to pytest."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.services.postgres import postgres_server


def run(*arguments: str, **how: Any) -> "subprocess.CompletedProcess[str]":
    """Run these tests there, and wait for their end."""
    with postgres_server() as url:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"DATABASE_URL": url},
            text=True,
            check=False,
            **how,
        )


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]).returncode)

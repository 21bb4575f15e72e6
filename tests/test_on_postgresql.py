"""What depends on a database's locks is tried on PostgreSQL too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.postgres import postgres_server


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="this is the run on PostgreSQL")
def test_the_tests_of_both_databases_pass_on_postgresql() -> None:
    with postgres_server() as url:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "both_databases"],
            cwd=Path(__file__).parent.parent,
            env=os.environ | {"DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr

"""What depends on a database's locks is tried on PostgreSQL too."""

import os
import subprocess

import pytest

from tests.on_postgresql import run


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="this is the run on PostgreSQL")
def test_the_tests_of_both_databases_pass_on_postgresql() -> None:
    done = run(
        "-q",
        "-n0",
        "-m",
        "both_databases or postgresql_only",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=900,  # some eight hundred tests, in one process
    )
    assert done.returncode == 0, done.stdout

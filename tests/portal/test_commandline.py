"""What a command says of an environment that does not fit: one sentence, and status 1."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.services import free_port

ROOT = Path(__file__).parents[2]
KEYS = {"SECRET_KEY": "0" * 40, "FIELD_KEYS": "k1:" + "A" * 43}
PASSWORD = "s3cr3t-of-the-database"


def run(folder: Path, *command: str, **environment: str | None) -> "subprocess.CompletedProcess[str]":
    """One process with nothing but this in its environment; None takes a value out."""
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **KEYS, **environment}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={name: value for name, value in given.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_sentence(done: "subprocess.CompletedProcess[str]", begins: str, *, lines: int = 1) -> None:
    said = done.stderr.strip()
    assert (done.returncode, done.stdout.strip()) == (1, ""), done
    assert said.removeprefix("CommandError: ").startswith(begins)
    assert len(said.splitlines()) == lines, said
    assert said.endswith(".")
    assert "Errno" not in said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"FIELD_KEYS": "abc"}, "FIELD_KEYS is a list of `id:base64url of 32 bytes`"),
        ({"SECRET_KEY": ""}, "SECRET_KEY has 32 characters at least"),
        ({"SECRET_KEY": None, "SECRET_KEY_FILE": "/dev/null"}, "SECRET_KEY has 32 characters at least"),
        ({"SECRET_KEY": None}, "SECRET_KEY is not set. Set it, or SECRET_KEY_FILE"),
        ({"FIELD_KEYS": None, "FIELD_KEYS_FILE": "/dev"}, "FIELD_KEYS_FILE names a file that cannot be read"),
        ({"EMAIL_URL_FILE": "/nowhere"}, "EMAIL_URL_FILE names a file that cannot be read: No such file"),
        ({"OPTION_TWOFACTOR__CODEDIGITS": "3"}, "OPTION_TWOFACTOR__CODEDIGITS: Enter a whole number"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is DEBUG, INFO"),
        ({"STOP_GRACE_SECONDS": "99"}, "STOP_GRACE_SECONDS is a number from 0 to 40"),
        ({"PORT": "abc"}, "PORT (or HTTP_PORT) is a number from 1 to 65535"),
        ({"OUTBOUND_ALLOW": "intranet"}, "OUTBOUND_ALLOW names 'intranet', which is no network"),
        ({"OUTBOUND_CA_FILE": "/nowhere/ca.pem"}, "OUTBOUND_CA_FILE names no file with certificates"),
        ({"DATA_DIR": "/dev/null/x"}, "DATA_DIR cannot be used: Not a directory"),
        ({"DATA_DIR": "/proc/x", "DATABASE_URL": None}, "The database /proc/x/db.sqlite3 cannot be used"),
    ],
)
def test_a_refused_environment_is_told_in_one_sentence(
    tmp_path: Path, environment: dict[str, str | None], sentence: str
) -> None:
    assert_one_sentence(run(tmp_path, "manage.py", "audit", "verify", **environment), sentence)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    assert_one_sentence(run(tmp_path, "-m", "portal.keys", "/proc/x"), "DATA_DIR cannot be used")
    served = run(tmp_path, "manage.py", "serve", "--only", "clock", DATA_DIR="/proc/x")
    assert_one_sentence(served, "DATA_DIR cannot be used: No such file or directory (/proc/x)")


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The URL of a server that refuses every password."""
    text = b'SFATAL\0C28P01\0Mpassword authentication failed for user "gatehouse"\0\0'
    with socket.create_server(("127.0.0.1", 0)) as door:

        def refuse() -> None:
            with suppress(OSError):
                while True:
                    caller = door.accept()[0]
                    caller.recv(8)  # whether we speak TLS
                    caller.sendall(b"N")
                    caller.recv(1_000)
                    caller.sendall(b"E" + (len(text) + 4).to_bytes(4) + text)
                    caller.close()

        threading.Thread(target=refuse, daemon=True).start()
        yield f"postgres://gatehouse:{PASSWORD}@127.0.0.1:{door.getsockname()[1]}/gatehouse"


@pytest.mark.parametrize("command", ["administrator a@b.example", "audit verify"])
def test_a_database_that_refuses_the_password_is_told_in_one_sentence(
    tmp_path: Path, refusing: str, command: str
) -> None:
    done = run(tmp_path, "manage.py", *command.split(), DATABASE_URL=refusing)
    assert_one_sentence(done, "The database gatehouse cannot be used: connection failed")
    assert "password authentication failed" in done.stderr


def test_so_is_one_that_does_not_answer_and_debug_shows_where(tmp_path: Path) -> None:
    url = f"postgres://gatehouse:{PASSWORD}@127.0.0.1:{free_port()}/gatehouse"
    served = run(tmp_path, "manage.py", "serve", "--only", "clock", DATABASE_URL=url)
    assert_one_sentence(served, "The database gatehouse cannot be used: connection failed", lines=2)
    kept = run(tmp_path, "manage.py", "backup", str(tmp_path / "one"), DATABASE_URL=url)
    assert_one_sentence(kept, "The backup could not be written: connection failed")
    closely = run(tmp_path, "manage.py", "reseal", DATABASE_URL=url, LOG_LEVEL="DEBUG")
    assert "Traceback" in closely.stderr
    assert PASSWORD not in closely.stderr


def test_a_backup_and_a_restore_name_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "demo.stamp").touch()  # of a demo that is over, which checks warn of
    kept = run(tmp_path, "manage.py", "backup", str(tmp_path / "none" / "one"))
    assert_one_sentence(kept, f"There is no folder {tmp_path / 'none'}")
    restored = run(tmp_path, "manage.py", "restore", str(tmp_path / "none"))
    assert_one_sentence(restored, f"No such file or directory ({tmp_path / 'none'}). Nothing was changed")

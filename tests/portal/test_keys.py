"""The root keys of a one-machine installation."""

import base64
import stat
import threading
from pathlib import Path

import pytest

from portal import keys


def test_the_first_start_makes_keys_that_only_their_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    path = keys.ensure(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = keys.read(folder)
    key_id, key = made["FIELD_KEYS"].split(":")
    assert (key_id, len(base64.urlsafe_b64decode(key))) == ("k1", 32)
    assert len(made["SECRET_KEY"]) >= 50


def test_a_second_start_keeps_them(tmp_path: Path) -> None:
    keys.ensure(tmp_path)
    before = keys.read(tmp_path)
    keys.ensure(tmp_path)
    assert keys.read(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["keys.env"]


def test_of_two_first_starts_at_once_one_wins_whole(tmp_path: Path) -> None:
    together, seen = threading.Barrier(8), []

    def start() -> None:
        together.wait()
        keys.ensure(tmp_path)
        seen.append(keys.read(tmp_path)["SECRET_KEY"])

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert len(seen) == 8


def test_without_a_file_there_are_no_keys(tmp_path: Path) -> None:
    assert keys.read(tmp_path) == {}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_keys_that_others_can_read_are_not_used(tmp_path: Path, mode: int) -> None:
    keys.ensure(tmp_path).chmod(mode)
    with pytest.raises(PermissionError, match="chmod 600"):
        keys.read(tmp_path)

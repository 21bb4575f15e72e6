"""Hashes are made in as many threads as there are cores, in every process."""

import multiprocessing
import threading

from accounts.hashers import AT_ONCE, Argon2id
from tests.parallel import in_parallel

PASSWORD = "a long enough password"


def _hash() -> str:
    return Argon2id().encode(PASSWORD, "some-salt-for-it")


def _fits() -> None:
    assert Argon2id().verify(PASSWORD, _hash())


def test_many_at_once_take_no_more_threads_than_cores() -> None:
    in_parallel(12, lambda _number: _fits())
    assert sum(thread.name.startswith("hash") for thread in threading.enumerate()) <= AT_ONCE


def test_a_child_of_a_process_that_has_made_hashes_makes_its_own() -> None:
    _fits()
    child = multiprocessing.get_context("fork").Process(target=_fits)
    child.start()
    child.join(10)
    assert child.exitcode == 0

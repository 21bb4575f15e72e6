"""The version row: what a write made void is used nowhere a second later."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from core import epoch
from core.db import unit
from core.errors import Unavailable
from core.models import Epoch
from tests.parallel import in_parallel
from tests.services.database import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

WATCHER = """
import time, django
django.setup()
from django.conf import settings
from core import epoch
from core.errors import Unavailable
settings.EPOCH_POLL_SECONDS = {poll}
seen = None
while True:
    try:
        now = str(epoch.current())
    except Unavailable:
        now = "unavailable"
    if now != seen:
        seen = now
        print(now, flush=True)
    time.sleep(0.005)
"""


def bump() -> None:
    with unit():
        epoch.bump()


def stored() -> int:
    row = Epoch.objects.filter(pk=1).first()
    return row.version if row else 1


class Watcher:
    """Another process that says whenever the version that it goes by changes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line.strip())

    def sees(self, expected: object, *, within: float) -> float:
        """The seconds until the other process went by this version."""
        begun = time.monotonic()
        while (left := begun + within - time.monotonic()) > 0:
            if self._lines.get(timeout=left) == str(expected):
                return time.monotonic() - begun
        raise TimeoutError

    @property
    def said(self) -> list[str]:
        """What it has said and nobody has read yet."""
        return list(self._lines.queue)


@contextmanager
def another_process(*, poll: float) -> Iterator[Watcher]:
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHER.format(poll=poll)],
        cwd=Path(__file__).parents[2],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        watcher = Watcher(process)
        bump()
        watcher.sees(stored(), within=20)
        yield watcher
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def without_the_row() -> Iterator[None]:
    """The version cannot be read, as when the database is away."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_epoch RENAME TO core_epoch_away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE core_epoch_away RENAME TO core_epoch")


# --- across processes --------------------------------------------------------------------------------------------------


def test_two_other_processes_see_every_bump_within_a_second() -> None:
    with another_process(poll=0.25) as one, another_process(poll=0.25) as other:
        one.sees(stored(), within=2)
        for _ in range(3):
            bump()
            assert one.sees(stored(), within=2) < 1
            assert other.sees(stored(), within=2) < 1
            time.sleep(0.1)


def test_a_process_whose_poller_does_not_read_asks_the_database_itself() -> None:
    with another_process(poll=3_600) as watcher:
        bump()
        assert watcher.sees(stored(), within=3) < 1.2


def test_without_a_database_nothing_is_answered_from_memory_for_longer_than_a_second() -> None:
    with another_process(poll=0.05) as watcher:
        with without_the_row():
            assert watcher.sees("unavailable", within=3) < 1.5
        assert watcher.sees(stored(), within=3) < 1


# --- in this process ---------------------------------------------------------------------------------------------------


def test_a_database_that_does_not_answer_is_said_to_be_unavailable() -> None:
    with without_the_row(), pytest.raises(Unavailable) as raised:
        epoch.current()
    assert raised.value.status == 503


def test_a_question_under_way_when_somebody_wrote_is_not_taken_for_what_he_wrote(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EPOCH_POLL_SECONDS = 0.25
    reader, versions = epoch._Reader(), [7, 8]
    reader._pid = os.getpid()

    def read() -> int:
        if len(versions) == 2:
            reader.distrust()
        return versions.pop(0)

    monkeypatch.setattr(epoch, "stored", read)
    reader._look()
    assert (reader.current(), reader.current()) == (8, 8)


def test_a_bump_counts_once_a_transaction() -> None:
    before = stored()
    with unit():
        epoch.bump()
        with unit():
            epoch.bump()
        assert stored() == before
    assert stored() == before + 1


def test_a_bump_that_is_rolled_back_was_none() -> None:
    def fail() -> None:
        with unit() as running:
            epoch.bump()
            running.last("later than epoch", lambda: 1 / 0)  # type: ignore[arg-type, return-value]

    before = stored()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert stored() == before


def test_a_bump_outside_of_a_unit_is_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="belongs inside"):
        epoch.bump()


def test_a_missing_row_is_made_by_the_first_bump() -> None:
    Epoch.objects.all().delete()
    before = epoch.current()
    in_parallel(8, lambda _number: bump())
    assert stored() == before + 8


def test_bumps_at_the_same_moment_all_count() -> None:
    before = stored()
    in_parallel(12, lambda _number: [bump() for _ in range(5)] and None)
    assert stored() == before + 60


# --- caches ------------------------------------------------------------------------------------------------------------


class Source:
    """Something to load, and how often it was."""

    def __init__(self) -> None:
        self.value, self.loads = "first", 0
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, key: str) -> str:
        self.loads += 1
        value = f"{key}: {self.value}"
        self.meanwhile()
        return value


def test_a_value_is_loaded_once_until_the_version_moves_on() -> None:
    source = Source()
    cached = epoch.Cached(source)
    assert [cached("a"), cached("a"), cached("b"), cached("b")] == [
        "a: first",
        "a: first",
        "b: first",
        "b: first",
    ]
    assert source.loads == 2
    source.value = "second"
    assert cached("a") == "a: first"
    bump()
    assert [cached("a"), cached("b"), cached("a")] == ["a: second", "b: second", "a: second"]
    assert source.loads == 4


def test_what_is_not_there_is_not_kept_so_that_made_up_keys_push_nothing_out() -> None:
    loads: list[str] = []
    cached = epoch.Cached(loads.append, limit=1)
    assert cached("nobody") is None
    assert cached("nobody") is None
    assert loads == ["nobody", "nobody"]


def test_a_value_that_became_old_while_it_was_loaded_is_not_kept() -> None:
    source = Source()
    cached = epoch.Cached(source)

    def change() -> None:
        source.value, source.meanwhile = "second", lambda: None
        bump()

    source.meanwhile = change
    assert cached("a") == "a: first"  # was true when it was asked for
    assert cached("a") == "a: second"


def test_what_cannot_be_loaded_is_asked_for_again() -> None:
    source = Source()
    cached = epoch.Cached(source)

    def fail() -> None:
        raise ZeroDivisionError

    source.meanwhile = fail
    with pytest.raises(ZeroDivisionError):
        cached("a")
    source.meanwhile = lambda: None
    assert cached("a") == "a: first"


def test_a_cache_holds_no_more_than_its_limit() -> None:
    source = Source()
    cached = epoch.Cached(source, limit=10)
    for number in range(100):
        cached(str(number))
        assert len(cached._held[1]) <= 10


def test_what_a_unit_has_not_committed_is_not_remembered_for_others() -> None:
    """Loaded inside and then rolled back, it would be in force without ever having been true."""
    cached = epoch.Cached(lambda _key: Epoch.objects.filter(version__lt=0).exists())

    def fail() -> None:
        with unit():
            Epoch.objects.create(pk=99, version=-1)
            assert cached("a") is True
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert cached("a") is False


def test_what_a_unit_read_is_remembered_once_it_is_committed() -> None:
    loaded: list[str] = []

    def load(key: str) -> int:
        loaded.append(key)
        return stored()

    cached = epoch.Cached(load)
    with unit():
        cached("a")
    cached("a")
    assert loaded == ["a"]
    with unit():
        cached("b")
        epoch.bump()
    assert cached("b") == stored()  # and what it read before it wrote is not
    assert loaded == ["a", "b", "b"]


def test_no_thread_ever_gets_a_value_older_than_the_version_it_began_with() -> None:
    cached = epoch.Cached(lambda _key: stored())
    done = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for _ in range(60):
                bump()
            done.set()
            return
        while not done.is_set():
            before = epoch.current()
            assert cached("version") >= before

    in_parallel(6, work)


def test_without_a_database_a_cache_gives_nothing() -> None:
    cached = epoch.Cached(lambda _key: "value")
    assert cached("a") == "value"
    with without_the_row(), pytest.raises(Unavailable):
        cached("a")


def test_what_was_put_together_is_kept_only_while_nothing_has_moved_on() -> None:
    loaded: list[str] = []
    cache = epoch.Cached[str, str](lambda key: loaded.append(key) or "loaded")
    since = epoch.current()
    cache.keep("a", "kept", since=since)
    assert (cache("a"), loaded) == ("kept", [])
    bump()
    cache.keep("a", "of a world that is gone", since=since)
    assert (cache("a"), loaded) == ("loaded", ["a"])
    with unit():
        cache.keep("b", "not committed", since=epoch.current())
    assert (cache("b"), loaded) == ("loaded", ["a", "b"])

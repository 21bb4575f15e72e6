"""The version row behind every in-process cache.

Every write that a cache must see calls `bump()` in its own transaction; one thread a process reads the row a few times a second.
`Cached` holds what was loaded under one version and forgets it all under the next. So a revoked session ends everywhere within a
second. (Polling `max(id)` of a log would miss a lower id that commits later.)
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from django.conf import settings
from django.db import Error, connection

from core.db import after_commit, current_unit
from core.errors import Unavailable
from core.models import Epoch

logger = logging.getLogger(__name__)
FRESH_SECONDS = 1.0
TOO_LONG = 2.0  # seconds of silence after which a process counts as cut off from the database

Key = TypeVar("Key")
Value = TypeVar("Value")


def bump() -> None:
    """Make every process forget what it cached, as soon as this transaction commits. Once a transaction, as its last statements."""
    running = current_unit()
    if running is None:
        raise RuntimeError("epoch.bump() belongs inside core.db.unit().")
    running.last("epoch", _bump)


def _bump() -> None:
    # One statement, so that two first bumps at once do not both find no row and both make one.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_epoch AS e (id, version) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET version = e.version + 1"
        )
    after_commit(_reader.distrust)  # whoever wrote reads what he wrote, without waiting for the next poll


def stored() -> int:
    """The version that the database holds at this moment."""
    return Epoch.objects.values_list("version", flat=True).filter(pk=1).first() or 1


def outrun(version: int) -> None:
    """Move on to a version above this one, and above the stored one."""
    Epoch.objects.update_or_create(pk=1, defaults={"version": max(stored(), version) + 1})


class _Reader:
    """Reads the version in a thread of its own; started by the first reader of each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._version = 0
        self._read_at = self._distrusted_at = float("-inf")

    def current(self) -> int:
        if not settings.EPOCH_POLL_SECONDS:
            return self._ask()
        if self._pid != os.getpid():
            self._start()
        if self._read_at <= self._distrusted_at or time.monotonic() - self._read_at > FRESH_SECONDS:
            return self._ask()
        return self._version

    def distrust(self) -> None:
        """Ask the database at the next use, whatever was read before, or is being read."""
        self._distrusted_at = time.monotonic()

    def silent_for(self) -> float:
        """Seconds since the database was last heard; asks nothing of it, except before the first time."""
        if self._pid == os.getpid():
            return time.monotonic() - self._read_at
        if self._lock.locked():
            return float("inf")  # somebody waits for the first answer; one is enough
        try:
            self.current()
        except Unavailable:
            return float("inf")
        return 0.0

    def is_silent(self) -> bool:
        """Whether the thread that reads the version has heard nothing for too long."""
        return self._pid == os.getpid() and self.silent_for() > TOO_LONG

    def _ask(self) -> int:
        try:
            return self._look()
        except Error as error:
            raise Unavailable("The database does not answer.") from error

    def _look(self) -> int:
        # The age counts from before the question, not from the answer of a slow database.
        before, version = time.monotonic(), stored()
        self._version, self._read_at = version, before
        return version

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._ask()
            self._pid = os.getpid()
            threading.Thread(target=self._poll, name="epoch", daemon=True).start()

    def _poll(self) -> None:
        failing = False
        while True:
            time.sleep(settings.EPOCH_POLL_SECONDS)
            try:
                self._look()
                failing = False
            except Error as error:
                if not failing:
                    logger.warning("the version row cannot be read: %s", type(error).__name__)
                failing = True
                connection.close()


_reader = _Reader()


def current() -> int:
    """The version to cache under; raises Unavailable when the database has been silent for over a second."""
    return _reader.current()


def silent_for() -> float:
    """Seconds since this process last heard the database; never waits for it once it has been heard."""
    return _reader.silent_for()


def is_silent() -> bool:
    """Whether it would be in vain to ask the database now; one that hangs would take every thread of a process."""
    return _reader.is_silent()


class Cached(Generic[Key, Value]):
    """Values loaded by key and kept until the epoch moves on, or another `version`; `limit` bounds how many are held."""

    def __init__(
        self,
        load: Callable[[Key], Value],
        *,
        limit: int = 10_000,
        version: Callable[[], Hashable] = lambda: current(),
    ) -> None:
        self._load, self._limit, self._version = load, limit, version
        # One attribute, for two could be seen half changed: the new version with the values of the old one.
        self._held: tuple[Hashable, dict[Key, Value]] = (0, {})

    def __call__(self, key: Key) -> Value:
        return self.under(self._version(), key)

    def under(self, version: Hashable, key: Key) -> Value:
        """The value, for whoever has asked for the version already."""
        # The version is read before the value, so a value can be newer than its version but never older.
        values = self._of(version)
        if key in values:
            return values[key]
        loaded = self._load(key)
        if loaded is None:
            return loaded  # what is not there is not kept: made-up keys would push out the rest
        if current_unit() is None:
            # A thread that loads under an older version writes into the dictionary of that version, which nobody reads any more.
            values[key] = loaded
        else:
            # It may be what this very transaction wrote, which nobody else may see and a roll-back takes away: so once it is committed.
            after_commit(values.__setitem__, key, loaded)
        return loaded

    def forget(self) -> None:
        """Load everything anew, whatever the version."""
        self._held = (0, {})

    def keep(self, key: Key, value: Value, *, since: Hashable) -> None:
        """Hold a value that was put together from what was read since the version was `since`; passed over when it has moved on."""
        if self._version() == since and current_unit() is None:
            self._of(since)[key] = value

    def _of(self, version: Hashable) -> dict[Key, Value]:
        """The values of this version; those of any other are forgotten."""
        held, values = self._held
        if version != held or len(values) >= self._limit:
            values = {}
            self._held = (version, values)
        return values

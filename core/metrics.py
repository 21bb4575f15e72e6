"""What is counted, over all processes of this machine: each writes to files of its own, which whoever is asked adds up.

A process holds a numbered place for as long as it lives, and the next process takes a free one and goes on counting in its files. So
there are as many files as processes at once, however often those end and start again; and no counter goes down.
Every label has few values by its nature (a route, a method, an event): nobody can make series by what he sends.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import prometheus_client
from django.conf import settings
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

PREFIX = "gatehouse"
# Room is taken at once: to write into a file that has none on a full disk would end the process.
_ROOM = {"counter": 1 << 20, "histogram": 1 << 20, "gauge_livesum": 1 << 16, "gauge_livemax": 1 << 16}
_MOST_PLACES = 1_000


def folder() -> Path:
    """Where the files are."""
    return Path(settings.DATA_DIR) / "metrics"


class _Place:
    """The number under which this process counts; a child that was forked takes another one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid, self._number = 0, "none"
        self.is_wanted = False

    def __call__(self) -> str:
        if self.is_wanted and self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder())  # where the library looks
                    self._number, self._pid = self._take(), os.getpid()
        return self._number

    def _take(self) -> str:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(_MOST_PLACES):
            if (held := _held(number)) is None:
                continue
            try:
                for kind, size in _ROOM.items():
                    _make_room(folder() / f"{kind}_{number}.db", size)
            except OSError:
                os.close(held)
                raise
            return str(number)  # the lock is held until the process ends
        raise OSError("too many processes count here")


def _held(number: int) -> int | None:
    """The lock of this place, now ours; None when a living process has it."""
    file = os.open(folder() / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _make_room(path: Path, size: int) -> None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(file, 0, size)
    finally:
        os.close(file)


_place = _Place()
values.ValueClass = MultiProcessValue(_place)  # type: ignore[no-untyped-call]  # before the first metric is made
_place.is_wanted = True


_declared: list[tuple[str, tuple[str, ...], str]] = []


def declared() -> list[tuple[str, tuple[str, ...], str]]:
    """Name, labels and meaning of everything that processes count."""
    return list(_declared)


def counter(name: str, text: str, labels: tuple[str, ...]) -> prometheus_client.Counter:
    """A number that only grows, by these labels."""
    _declared.append((f"{PREFIX}_{name}_total", labels, text))
    return prometheus_client.Counter(f"{PREFIX}_{name}", text, labels, registry=None)


def histogram(
    name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
) -> prometheus_client.Histogram:
    """How often something lasted how long."""
    _declared.append((f"{PREFIX}_{name}", labels, text))
    return prometheus_client.Histogram(f"{PREFIX}_{name}", text, labels, registry=None, buckets=buckets)


def gauge(
    name: str, text: str, labels: tuple[str, ...], *, over: Literal["livesum", "livemax"]
) -> prometheus_client.Gauge:
    """A number that goes up and down, put together over the processes that live."""
    _declared.append((f"{PREFIX}_{name}", labels, text))
    return prometheus_client.Gauge(f"{PREFIX}_{name}", text, labels, registry=None, multiprocess_mode=over)


def of_the_living() -> CollectorRegistry:
    """What all processes have counted; gauges of those alone that live."""
    registry = CollectorRegistry()
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in _dead():
        for file in folder().glob(f"gauge_live*_{number}.db"):
            file.unlink(missing_ok=True)
    MultiProcessCollector(registry, path=str(folder()))  # type: ignore[no-untyped-call]
    return registry


def forget_the_dead() -> None:
    """Begin anew where no living process counts: an older version may have counted by other names."""
    for number in _dead():
        for file in folder().glob(f"*_{number}.db"):
            file.unlink(missing_ok=True)


def _dead() -> Iterator[int]:
    for path in folder().glob("*.lock"):
        number = int(path.stem)
        if (held := _held(number)) is not None:
            yield number
            os.close(held)


class counting:  # noqa: N801  (read as a sentence; a class, for it is entered at each request)
    """Count inside: a full disk costs the count, never the request."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        return isinstance(error, OSError)

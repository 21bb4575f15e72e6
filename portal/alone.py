"""One `serve` for each data directory, and none while a backup is put back there: two clocks and two writers of one file help nobody."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings


@contextmanager
def alone(*, refusal: Exception, patience: float = 0.0) -> Iterator[None]:
    """Hold the data directory; raises `refusal` when another one has held it for so many seconds."""
    path = Path(settings.DATA_DIR) / "serve.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + patience
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise refusal from None
                time.sleep(0.1)
        yield

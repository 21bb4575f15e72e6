"""Work that decides what is to be sent, done by the worker just before it looks into the outbox.

An app above may not say at once whether somebody is mailed: the time of the answer would tell whether there is somebody.
"""

from collections.abc import Callable
from datetime import datetime

Source = Callable[[datetime], None]
_sources: list[Source] = []


def add_source(source: Source) -> None:
    """Have `source(now)` called before every drain; for `AppConfig.ready`."""
    if source not in _sources:
        _sources.append(source)


def ask_sources(*, now: datetime) -> None:
    """Let every source put into the outbox what it has decided."""
    for source in _sources:
        source(now)

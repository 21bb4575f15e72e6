"""How often each kind of event happened, for the metrics; what a worker or command elsewhere writes is counted where nobody asks."""

from collections.abc import Iterable

from audit.events import Event
from core import metrics

WATCHED = (
    Event.LOGIN_SUCCEEDED,
    Event.LOGIN_PASSWORD_REFUSED,
    Event.LOGIN_CODE_REFUSED,
    Event.LOGIN_LIMITED,
    Event.TOKEN_REUSED,
)

_EVENTS = metrics.counter(
    "events",
    "Events written to the audit trail by what shares a DATA_DIR with the web processes.",
    ("event",),
)


def count(events: Iterable[Event]) -> None:
    """These events are written down, and committed."""
    with metrics.counting():
        for event in events:
            _EVENTS.labels(event.value).inc()


def begin() -> None:
    """Those that rules look at stand at 0 from the start: the first of a series that was not there is no increase."""
    with metrics.counting():
        for event in WATCHED:
            _EVENTS.labels(event.value)

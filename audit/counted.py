"""How often each kind of event happened, for the metrics."""

from collections.abc import Iterable

from audit.events import Event
from core import metrics

_EVENTS = metrics.counter("events", "Events written to the audit trail.", ("event",))


def count(events: Iterable[Event]) -> None:
    """These events are written down, and committed."""
    with metrics.counting():
        for event in events:
            _EVENTS.labels(event.value).inc()

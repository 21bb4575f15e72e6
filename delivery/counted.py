"""What became of messages, for the metrics."""

from core import metrics
from delivery.models import Delivery

_DELIVERIES = metrics.counter(
    "deliveries", "Messages by what came of a try to send them.", ("kind", "template", "outcome")
)


def count(row: Delivery, outcome: str) -> None:
    """A try ended so: sent, deferred, failed or expired."""
    with metrics.counting():
        _DELIVERIES.labels(row.kind, row.template, outcome).inc()

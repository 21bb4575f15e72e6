"""What is told of each answered request, to the log and to the metrics: by names of which there are only so many."""

import logging
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from core import metrics
from core.routes import OTHER, method_of, route_of

logger = logging.getLogger(__name__)
SLOW_SECONDS = 1.0

_REQUESTS = metrics.counter("http_requests", "Requests answered.", ("method", "route", "status"))
# By area and not by route: so that a scrape stays cheap. Which route was slow, the log says.
_SECONDS = metrics.histogram(
    "http_request_seconds",
    "Seconds from a request that was read to its answer.",
    ("area",),
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_classes = {number: f"{number}xx" for number in range(1, 6)}


@cache  # as many as there are routes
def _area(route: str) -> str:
    return next((area for area in settings.AREAS if route.startswith(area)), OTHER)


def answered(request: HttpRequest, response: HttpResponseBase, *, seconds: float) -> None:
    """Note that `request` got this `response` after so many seconds; a line at DEBUG, at INFO when it failed or was slow."""
    status, method, route = response.status_code, method_of(request), route_of(request)
    with metrics.counting():
        _REQUESTS.labels(method, route, _classes.get(status // 100, OTHER)).inc()
        _SECONDS.labels(_area(route)).observe(seconds)
    level = logging.INFO if status >= 500 or seconds > SLOW_SECONDS else logging.DEBUG
    if logger.isEnabledFor(level):
        fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        logger.log(level, "answered", extra=fields)

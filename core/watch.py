"""What is told of each answered request, to the log and to the metrics: by names of which there are only so many."""

import logging

from django.http import HttpRequest, HttpResponseBase

from core.routes import method_of, route_of

logger = logging.getLogger(__name__)
SLOW_SECONDS = 1.0


def answered(request: HttpRequest, response: HttpResponseBase, *, seconds: float) -> None:
    """Note that `request` got this `response` after so many seconds; a line at DEBUG, at INFO when it failed or was slow."""
    status = response.status_code
    level = logging.INFO if status >= 500 or seconds > SLOW_SECONDS else logging.DEBUG
    if logger.isEnabledFor(level):
        fields = {
            "method": method_of(request),
            "route": route_of(request),
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        logger.log(level, "answered", extra=fields)

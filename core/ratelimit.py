"""The general rate of the API, and the headers that tell it.

Counted in memory, for it costs no statement, and shared over Redis where there is one (`core.ratesharing`). What must hold exactly
and at once (passwords, codes, mails) is limited by `core.throttle`.
"""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.buckets import Buckets, Rate
from core.http import client_address, network_of
from core.middleware import API_PREFIX, problem
from core.ratesharing import Sharing

PEOPLE = Buckets(600, name="people")
NETWORKS = Buckets(300, name="networks")  # callers who have not said who they are
TOO_MANY = "Too many requests. Please wait a little and try again."
_sharing = Sharing(PEOPLE, NETWORKS)


def counted(buckets: Buckets, key: str) -> Rate:
    """Take one call of this caller."""
    _sharing.begin()
    return buckets.take(key, now=time.monotonic())


def _of_network(request: HttpRequest) -> Rate:
    return counted(NETWORKS, network_of(client_address(request)))


class CallerRate(BaseThrottle):
    """The rate of whoever is signed in; a door open to everybody counts the network, also of who names somebody in a header."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether this call may go on."""
        caller = getattr(request, "principal", None)
        rate: Rate | None = getattr(request._request, "rate", None)
        if caller is not None:
            rate = counted(PEOPLE, caller.caller_id)
        elif rate is None:
            rate = _of_network(request._request)
        request._request.rate = rate  # type: ignore[attr-defined]
        self._reset = rate.reset
        return not rate.refused

    def wait(self) -> float:
        """Seconds until one call is free again."""
        return self._reset


class RateLimits:
    """Counts calls of the API that name nobody by their network, and puts the three headers on every answer of the API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API_PREFIX):
            return self.get_response(request)
        names_nobody = (
            "HTTP_AUTHORIZATION" not in request.META and getattr(request, "principal", None) is None
        )
        if names_nobody and not request.path.startswith(settings.COUNTED_BY_VIEW):
            request.rate = _of_network(request)  # type: ignore[attr-defined]
        response = self._refusal(request) or self.get_response(request)
        # Who named somebody and was not believed has not been counted yet.
        rate = getattr(request, "rate", None) or _of_network(request)
        response["RateLimit-Limit"] = str(rate.limit)
        response["RateLimit-Remaining"] = str(rate.remaining)
        response["RateLimit-Reset"] = str(rate.reset)
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        rate: Rate | None = getattr(request, "rate", None)
        if rate is None or not rate.refused:
            return None
        response = problem(request.path, 429, "too_many", TOO_MANY, retry_after=rate.reset)
        response["Retry-After"] = str(rate.reset)
        return response

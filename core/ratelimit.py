"""The general rate of the API, and the headers that tell it.

Counted in this process alone: a token bucket costs no statement, and it is each process that has to be kept from overload, so N
processes allow N times as much. What must hold exactly and everywhere (passwords, codes, mails) is limited by `core.throttle`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.http import client_address, network_of
from core.middleware import API_PREFIX, problem

MOST_BUCKETS = 50_000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Where a caller stands: `limit` calls a minute, how many are left at once, and the seconds until all are."""

    limit: int
    remaining: int
    reset: int
    refused: bool = False


class Buckets:
    """Token buckets by key, refilled evenly over a minute; the longest unused are forgotten first."""

    def __init__(self, a_minute: int) -> None:
        self.limit = a_minute
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, *, now: float) -> Rate:
        """Take one call from the bucket of `key` at monotonic time `now`, if there is one left."""
        a_second = self.limit / 60
        with self._lock:
            tokens, at = self._buckets.pop(key, (float(self.limit), now))
            tokens = min(float(self.limit), tokens + (now - at) * a_second)
            refused = tokens < 1
            if not refused:
                tokens -= 1
            self._buckets[key] = (tokens, now)
            while len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        missing = 1 - tokens if refused else self.limit - tokens
        return Rate(
            limit=self.limit, remaining=int(tokens), reset=max(1, round(missing / a_second)), refused=refused
        )

    def clear(self) -> None:
        """Forget every caller."""
        with self._lock:
            self._buckets.clear()


PEOPLE = Buckets(600)
NETWORKS = Buckets(300)  # callers who have not said who they are


def _of_network(request: HttpRequest) -> Rate:
    return NETWORKS.take(network_of(client_address(request)), now=time.monotonic())


class CallerRate(BaseThrottle):
    """The rate of whoever is signed in; a door open to everybody counts the network, also of who names somebody in a header."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether this call may go on."""
        caller = getattr(request, "principal", None)
        rate: Rate | None = getattr(request._request, "rate", None)
        if caller is not None:
            rate = PEOPLE.take(caller.caller_id, now=time.monotonic())
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
        if "Authorization" not in request.headers and getattr(request, "principal", None) is None:
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
        sentence = "Too many requests. Please wait a little and try again."
        response = problem(429, "too_many", sentence, retry_after=rate.reset)
        response["Retry-After"] = str(rate.reset)
        return response

"""The outermost layer of every request: its id, and the plain answer when a part that we need is away."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, IntegrityError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from core.errors import Unavailable

logger = logging.getLogger(__name__)
request_id: ContextVar[str] = ContextVar("request_id", default="")
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
API_PREFIX = "/api/"


def problem_body(status: int, code: str, detail: str, **more: object) -> dict[str, object]:
    """An RFC 9457 problem: `code` is for programs and does not change, `detail` is the sentence for people."""
    title = HTTPStatus(status).phrase  # what the RFC asks of "about:blank"
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **more}


def problem(status: int, code: str, detail: str, **more: object) -> JsonResponse:
    """An RFC 9457 problem answer."""
    body = problem_body(status, code, detail, **more)
    return JsonResponse(body, status=status, content_type="application/problem+json")


class RequestBoundary:
    """Names the request, keeps answers out of caches, and turns a dead database or a full disk into 503 with nothing half-done."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        name = given if settings.TRUSTED_PROXIES and _GIVEN.fullmatch(given) else uuid.uuid4().hex
        reset = request_id.set(name)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(reset)
        response["X-Request-Id"] = name
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answers for faults that are ours to explain; any other goes on to Django's 500."""
        if isinstance(error, RequestDataTooBig):
            return self._answer(request, 413, "too_large", "The request is too large.")
        away = isinstance(error, Unavailable) or (
            # A broken constraint is a bug of ours, not an outage.
            isinstance(error, DatabaseError | OSError) and not isinstance(error, IntegrityError)
        )
        if not away:
            return None
        logger.error("unavailable: %s", type(error).__name__, exc_info=error)
        if isinstance(error, DatabaseError):
            connection.close()
        response = self._answer(request, 503, "unavailable", "Gatehouse is unavailable right now. Nothing was changed.")
        response["Retry-After"] = "5"
        return response

    def _answer(self, request: HttpRequest, status: int, code: str, title: str) -> HttpResponse:
        if request.path.startswith(API_PREFIX):
            return problem(status, code, title)
        return HttpResponse(render_to_string(f"{status}.html", {"request": request}), status=status)

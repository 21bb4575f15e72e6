"""The layers of ours around every request: outermost its id, and the plain answer when a part that we need is away."""

import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import patch_vary_headers

from core import epoch
from core.errors import Unavailable
from core.http import is_from_proxy
from core.routes import request_id
from core.watch import answered

logger = logging.getLogger(__name__)
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
API_PREFIX = settings.PROGRAM_PREFIXES
SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
# A view that needs another one sets it itself.
_UNLESS_SET = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


def problem_body(status: int, code: str, detail: str, **more: object) -> dict[str, object]:
    """An RFC 9457 problem: `code` is for programs and does not change, `detail` is the sentence for people."""
    title = HTTPStatus(status).phrase  # what the RFC asks of "about:blank"
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **more}


# What a refusal is called in SCIM (RFC 7644, table 9).
_SCIM_TYPES = {"bad_request": "invalidSyntax", "invalid": "invalidValue", "name_taken": "uniqueness"}


def as_read_by(path: str, body: dict[str, object]) -> dict[str, object]:
    """The same problem in the words of whoever asks at this path: identity providers read the errors of SCIM (RFC 7644, 3.12), and the
    published agent client two members more (sources, 4.4)."""
    if path.startswith(settings.SCIM_PREFIX):
        kind = _SCIM_TYPES.get(str(body["code"]))
        named = {"scimType": kind} if kind else {}
        return {"schemas": [SCIM_ERROR], "status": str(body["status"]), **named, "detail": body["detail"]}
    if path.startswith(settings.SDK_PREFIX):
        return body | {"id": body["code"], "message": body["detail"]}
    return body


def media_of_problem(path: str) -> str:
    """The media type of problems at this path."""
    return "application/scim+json" if path.startswith(settings.SCIM_PREFIX) else "application/problem+json"


def problem(path: str, status: int, code: str, detail: str, **more: object) -> JsonResponse:
    """The answer to a call of this path that goes wrong: a problem of RFC 9457, or what is read there in its place."""
    body = as_read_by(path, problem_body(status, code, detail, **more))
    return JsonResponse(body, status=status, content_type=media_of_problem(path))


class RequestBoundary:
    """Names the request, bounds what caches and browsers may do with the answer, and says 503 for a dead database or a full disk."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_from_proxy(request):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)  # only a proxy of ours knows how it was reached
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        name = given if given and _GIVEN.fullmatch(given) and is_from_proxy(request) else os.urandom(16).hex()
        reset, began = request_id.set(name), time.perf_counter()
        try:
            response = _refuse_length(request) or self.get_response(request)
            answered(request, response, seconds=time.perf_counter() - began)
        finally:
            request_id.reset(reset)
        response.headers["X-Request-Id"] = name
        for header, value in _UNLESS_SET:
            response.headers.setdefault(header, value)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answers for the faults of a view that are ours to explain; any other goes on to Django's 500."""
        return too_large(request) if isinstance(error, RequestDataTooBig) else unavailable(request, error)


def _refuse_length(request: HttpRequest) -> HttpResponse | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal()):
        return _answer(request, 400, "bad_request", "The request could not be understood.")
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 1_000_000
    return too_large(request) if len(length) > 12 or int(length) > most else None


def too_large(request: HttpRequest) -> HttpResponse:
    """413: more than any form or body of ours holds."""
    return _answer(request, 413, "too_large", "The request is too large.")


def unavailable(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """503 when `error` says that the database, the disk or another part is away; None for any other, which is a bug of ours.

    What fails in a view comes here by itself; what fails in another middleware, Django hands to its 500 page, which asks here.
    """
    if not isinstance(error, Unavailable | OperationalError | InterfaceError | OSError):
        return None
    logger.error("unavailable: %s", type(error).__name__, exc_info=error, extra={"request": request})
    if isinstance(error, OperationalError | InterfaceError):
        connection.close()
    response = _answer(
        request, 503, "unavailable", "Gatehouse is unavailable right now. Nothing was changed."
    )
    response["Retry-After"] = "5"
    return response


def _answer(request: HttpRequest, status: int, code: str, title: str) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return problem(request.path, status, code, title)
    return HttpResponse(render_to_string(f"{status}.html", {"request": request}), status=status)


class Language:
    """The language that the browser asks for: what Django's LocaleMiddleware does where no address begins with a language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()
        response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


class NeedsDatabase:
    """Answers at once what would wait for a database in vain; what needs none stands in front of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        away = Unavailable("The database does not answer.") if epoch.is_silent() else None
        return unavailable(request, away) or self.get_response(request)


class PageMessages(MessageMiddleware):
    """Django's messages, for pages: no program reads them."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path.startswith(API_PREFIX):
            return self.get_response(request)
        return super().__call__(request)

"""What is answered when a request goes wrong: a sentence for people, a problem document for programs."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template

from core.middleware import API_PREFIX, problem, unavailable


def _answer(request: HttpRequest, *, status: int, code: str, title: str, template: str = "") -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return problem(request.path, status, code, title)
    return render(request, template or f"{status}.html", status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """400: the request cannot be understood."""
    return _answer(request, status=400, code="bad_request", title="The request could not be understood.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """403: the person's roles do not allow it."""
    return _answer(request, status=403, code="forbidden", title="You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """404: not there, or not this person's to see; which of the two is not said."""
    return _answer(request, status=404, code="not_found", title="There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: a fault of ours. No context processor runs, for one of them may be what failed."""
    if (away := unavailable(request, sys.exc_info()[1])) is not None:
        return away
    if request.path.startswith(API_PREFIX):
        return problem(request.path, 500, "error", "Something went wrong on our side.")
    return HttpResponse(get_template("500.html").render(), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django names it
    """403: the form was not made for this browser, or is too old."""
    return _answer(
        request,
        status=403,
        code="csrf_failed",
        title="The CSRF token is missing or wrong.",
        template="403_csrf.html",
    )

"""The addresses of the product, and some where things go wrong for real."""

import json
from pathlib import Path

from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from core.db import unit
from core.errors import Unavailable
from core.models import Tally
from core.routes import request_id
from portal.urls import handler400, handler403, handler404, handler500
from portal.urls import urlpatterns as product

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def tally(key: str) -> Tally:
    return Tally(key=key, count=1, tries=1, window=1, pause=0, window_ends=0)


def write(request: HttpRequest) -> HttpResponse:
    """Two writes in one unit; the second is large."""
    with unit():
        tally("small").save(force_insert=True)
        Tally.objects.bulk_create([tally(f"{number:0150}") for number in range(500)])
    return HttpResponse("written")


def disk(request: HttpRequest) -> HttpResponse:
    """What a full disk says to who writes a file."""
    with Path("/dev/full").open("w") as file:
        file.write("x")
    return HttpResponse("written")


def away(request: HttpRequest) -> HttpResponse:
    raise Unavailable("the directory does not answer")


def bug(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def constraint(request: HttpRequest) -> HttpResponse:
    raise IntegrityError


def statement(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, %s", [1, 2, 3])
    return HttpResponse()


def large(request: HttpRequest) -> HttpResponse:
    raise RequestDataTooBig


def echo(request: HttpRequest) -> HttpResponse:
    """What arrived, and under which name."""
    return JsonResponse({"length": len(request.body), "request_id": request_id.get()})


def cached(request: HttpRequest) -> HttpResponse:
    return HttpResponse(json.dumps({}), headers={"Cache-Control": "public, max-age=60"})


_views = (write, disk, away, bug, constraint, statement, large, echo, cached)
urlpatterns = [
    *(path(f"{start}{view.__name__}/", view) for view in _views for start in ("faults/", "api/faults/")),
    *product,
]

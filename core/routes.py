"""What a request is called: by an id of its own, and, where its address must not stand, by its route, of which there are only so many."""

from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest

request_id: ContextVar[str] = ContextVar("request_id", default="")
OTHER = "other"  # whatever leads nowhere
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_of(request: HttpRequest) -> str:
    """The method, or OTHER for one that somebody made up."""
    return request.method if request.method in METHODS else OTHER


def route_of(request: HttpRequest) -> str:
    """The route as urls.py has it, "static/" for a file, or OTHER."""
    match = request.resolver_match
    if match is not None:
        return match.route or "/"
    return "static/" if request.path_info.startswith(f"/{settings.STATIC_URL.strip('/')}/") else OTHER

"""What a request is called where its address must not stand: by the route that answers it, of which there are only so many."""

from django.conf import settings
from django.http import HttpRequest

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

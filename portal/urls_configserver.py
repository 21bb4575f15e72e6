"""Every address of `manage.py configserver`: SCIM for identity providers, and the calls of the portals that it has admitted."""

import sys

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from configserver.remote.urls import portal_urls
from configserver.scim.urls import scim_urls
from core.middleware import problem, unavailable
from tenants.granted import company_of_tenant
from tenants.settings import snapshot

urlpatterns = [
    path("scim/v2/", include((portal_urls(lambda: snapshot(None)), "portals"))),
    path("scim/v2/", include((scim_urls(company_of_tenant), "scim"))),
]


# Only programs ask here, so nothing is a page.
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """400."""
    return problem(request.path, 400, "bad_request", "The request could not be understood.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """404."""
    return problem(request.path, 404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the database is away."""
    away = unavailable(request, sys.exc_info()[1])
    return away or problem(request.path, 500, "error", "Something went wrong on our side.")


handler400, handler404, handler500 = bad_request, not_found, server_error

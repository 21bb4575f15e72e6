"""Every address of `manage.py configserver`: SCIM for identity providers, the calls of portals, and the API of what it keeps."""

import sys

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.routers import SimpleRouter

from accounts.api_persons import Persons
from configserver.api import Directories, DirectoryPermissions, DirectoryRoles, Tenants
from configserver.api_packages import SolutionPackages
from configserver.remote.forwarding import OfConfigServer
from configserver.remote.urls import portal_urls
from configserver.scim.urls import scim_urls
from core.middleware import problem, unavailable
from tenants.far import ActingPortal
from tenants.granted import company_of_tenant
from tenants.settings import snapshot


def _served(resource: type[OfConfigServer]) -> type[OfConfigServer]:
    """The same view for administrators of portals that were admitted."""
    return type(
        resource.__name__,
        (resource,),
        {
            "authentication_classes": (ActingPortal,),
            "permission_classes": (IsAuthenticated,),
            "throttle_classes": (),
        },
    )


router = SimpleRouter(use_regex_path=False)
router.register("persons", _served(Persons), basename="person")
router.register("tenants", _served(Tenants), basename="tenant")
router.register("directories", _served(Directories), basename="directory")
router.register("directory-roles", _served(DirectoryRoles), basename="directory-role")
router.register("directory-permissions", _served(DirectoryPermissions), basename="directory-permission")
router.register("solution-packages", _served(SolutionPackages), basename="solution-package")

urlpatterns = [
    path("api/v1/", include((router.urls, "api"))),
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

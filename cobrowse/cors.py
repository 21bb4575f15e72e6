"""Which sites may call co-browse from a browser: those that a company's cluster lists, letter by letter, and no other (mission S5).

Nothing is allowed until it is listed. A site's own name, port and scheme count: neither a sub-domain nor `null` is like it.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _

from cobrowse.tokens import Site, site_of
from core.http import client_address, network_of
from core.middleware import problem
from core.outcomes import Denied
from core.ratelimit import NETWORKS, TOO_MANY, counted

PATHS = ("/cobrowse/rest/", settings.SDK_PREFIX)
METHODS = "GET, POST, PUT, DELETE"
# What the published agent client and our own script send.
HEADERS = "Authorization, Content-Type, X-Agent-Token, X-CobrowsePlatform, X-CobrowseSDKVersion, X-CobrowseAPIVersion, X-CobrowseLicense"
EXPOSED = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
ASK_AGAIN_SECONDS = "600"
NOT_ALLOWED = Denied(
    code="origin_not_allowed",
    message=_(
        "This site may not use co-browse here. An administrator lists it at cross-origin/allowedOrigins of the Co-browse Cluster."
    ),
)
NO_ORIGIN = Denied(
    code="origin_not_allowed",
    message=_(
        "No Origin was sent. Customers call from a page of a site of the company, whose browser sends it."
    ),
)
OTHER_KEY = Denied(
    code="origin_not_allowed",
    message=_(
        "The site key is another company's than that of this site. The snippet of the application has the right one."
    ),
)


def is_own(request: HttpRequest, origin: str) -> bool:
    """Whether the page that asks is one of ours."""
    return origin in {settings.PUBLIC_URL, f"{request.scheme}://{request.get_host()}"}


def site_behind(request: HttpRequest) -> Site | None:
    """The company whose page asks; None where no listed site does."""
    found: Site | None = getattr(request, "cobrowse_site", None)
    return found


def is_foreign(request: HttpRequest, *, company_id: int | None) -> bool:
    """Whether a page of another company asks."""
    site = site_behind(request)
    return (
        site is not None and site.company_id != company_id and not is_own(request, request.headers["Origin"])
    )


def _refusal(request: HttpRequest) -> HttpResponse:
    """What a page of a site that is not listed gets; counted, for it is refused before anybody else counts it."""
    request.rate = rate = counted(NETWORKS, network_of(client_address(request)))  # type: ignore[attr-defined]
    if rate.refused:
        response = problem(request.path, 429, "too_many", TOO_MANY, retry_after=rate.reset)
        response["Retry-After"] = str(rate.reset)
        return response
    return problem(request.path, 403, NOT_ALLOWED.code, str(NOT_ALLOWED.message))


class Cors:
    """Refuses what comes from pages of other sites, and lets browsers hand the answer to those that are listed (Fetch, 3.2)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PATHS):
            return self.get_response(request)
        origin = request.headers.get("Origin")
        site = site_of(origin) if origin is not None else None
        request.cobrowse_site = site  # type: ignore[attr-defined]
        if origin is not None and site is None and not is_own(request, origin):
            response = _refusal(request)
        elif request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response = HttpResponse(status=204)
        else:
            response = self.get_response(request)
        if origin is not None and site is not None:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Expose-Headers"] = EXPOSED
            if request.method == "OPTIONS":
                response["Access-Control-Allow-Methods"] = METHODS
                response["Access-Control-Allow-Headers"] = HEADERS
                response["Access-Control-Max-Age"] = ASK_AGAIN_SECONDS
        patch_vary_headers(response, ("Origin",))
        return response

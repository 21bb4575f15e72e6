"""What a portal says of a request that it passes on: believed only beside its user name and password."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from configserver.remote import wire
from configserver.remote.behalf import BASE
from configserver.remote.views import portal_in
from core.http import client_address

PORTAL, FOR = "X-Gatehouse-Portal", "X-Gatehouse-For"


def _said(request: HttpRequest, name: str) -> str:
    if PORTAL not in request.headers:
        return ""
    if not hasattr(request, "passed_on_by"):
        request.passed_on_by = portal_in(request, header=PORTAL)  # type: ignore[attr-defined]
    return request.headers.get(name, "") if request.passed_on_by is not None else ""  # type: ignore[attr-defined]


def address_of(request: HttpRequest) -> str:
    """The network address of whoever asked first."""
    return _said(request, FOR)[:45] or client_address(request)


def base_of(request: HttpRequest) -> str:
    """The public address at which it was asked, as configured there: the Host header is the client's."""
    return _said(request, BASE)[:500] or str(settings.PUBLIC_URL)


def base_told(request: Request) -> str:
    """The same of a call of the API, which a portal passes on under its own name."""
    told = request.headers.get(BASE, "")[:500] if hasattr(request.principal, "portal") else ""  # type: ignore[attr-defined]
    return told or str(settings.PUBLIC_URL)


def headers_of(request: HttpRequest, portal: dict[str, str]) -> dict[str, str]:
    """What this portal says of a request of its own, with these headers by which it is known."""
    return {
        PORTAL: portal["Authorization"],
        wire.APPLICATION: portal[wire.APPLICATION],
        FOR: client_address(request),
        BASE: str(settings.PUBLIC_URL),
    }

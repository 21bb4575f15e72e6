"""Pages for frames in other sites: shells without data, the same for everybody. A script signs people in, and no cookie counts."""

import re
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from accounts.embedding import trusted_origins

# Of an origin as it was checked when it was typed in; looked at again, because it goes into a header.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)


def _origins(request: HttpRequest) -> list[str]:
    listed = trusted_origins(request.GET.get("license", ""))
    return [one for one in listed if _ORIGIN.fullmatch(one)]


def _shell(request: HttpRequest, *, origins: Sequence[str], template: str, **context: str) -> HttpResponse:
    response = render(request, template, {"origins": list(origins), **context})
    response["Content-Security-Policy"] = _POLICY.format(ancestors=" ".join(origins) or "'none'")
    return response


@require_safe
@xframe_options_exempt  # in its place stands frame-ancestors, which can name sites
def code(request: HttpRequest) -> HttpResponse:
    """Where somebody types the six digits that a customer reads out."""
    return _shell(request, origins=_origins(request), template="embed/code.html")


@require_safe
@xframe_options_exempt
def session(request: HttpRequest, id: str) -> HttpResponse:
    """One session."""
    return _shell(request, origins=_origins(request), template="embed/session.html", session_id=id)

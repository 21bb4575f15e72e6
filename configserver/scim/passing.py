"""A request of an identity provider, passed on as it is to the remote Configuration Server, and its answer back."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.exceptions import ParseError

from configserver.engines.base import Unreachable
from configserver.remote.client import Remote
from configserver.remote.forwarding import passed_back, passed_on
from configserver.remote.through import headers_of
from configserver.scim.errors import ScimError
from core.refusals import Refused

PASSED_ON = ("Authorization", "Content-Type", "Accept", "If-Match", "If-None-Match")
MEDIA = "application/scim+json"
AWAY = ScimError(503, "The Configuration Server does not answer right now.")


def pass_on(remote: Remote, request: HttpRequest) -> HttpResponse:
    """What is answered over there, whatever its status; 503 when nobody answers."""
    try:
        headers = {**passed_on(request, PASSED_ON), **headers_of(request, remote.as_portal())}
    except ParseError as error:
        return _told(ScimError(400, str(error.detail)))
    said = remote.forward(str(request.method), request.get_full_path(), request.body, headers=headers)
    if isinstance(said, Unreachable):
        return _told(AWAY)
    try:
        return passed_back(said, said.body)
    except Refused:
        return _told(AWAY)


def _told(error: ScimError) -> HttpResponse:
    return JsonResponse(error.body(), status=error.status, content_type=MEDIA)

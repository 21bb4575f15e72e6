"""A request of an identity provider, passed on as it is to the remote Configuration Server, and its answer back."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from configserver.engines.base import Unreachable
from configserver.remote.client import Remote
from configserver.scim.errors import ScimError

PASSED_ON = ("Authorization", "Content-Type", "Accept", "If-Match", "If-None-Match")
PASSED_BACK = ("etag", "location", "www-authenticate", "retry-after")
MEDIA = "application/scim+json"


def passed_on(remote: Remote, request: HttpRequest) -> HttpResponse:
    """What is answered over there, whatever its status; 503 when nobody answers."""
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    said = remote.forward(str(request.method), request.get_full_path(), request.body, headers=headers)
    if isinstance(said, Unreachable):
        away = ScimError(503, "The Configuration Server does not answer right now.")
        return JsonResponse(away.body(), status=away.status, content_type=MEDIA)
    answer = HttpResponse(said.body, status=said.status, content_type=said.headers.get("content-type", MEDIA))
    for name in PASSED_BACK:
        if name in said.headers:
            answer[name] = said.headers[name]
    return answer

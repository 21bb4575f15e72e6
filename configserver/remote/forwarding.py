"""The API of what a Configuration Server keeps: answered here where it is embedded, and by the remote one where the settings name one.

Over there the same views run the same verbs, on behalf of an administrator whom this portal describes (`Actor.told`). So there is one set
of rules, and one answer.
"""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from configserver import where
from configserver.remote.behalf import UNAVAILABLE, asked_over_there
from core.api import Resource, caller
from core.exchange import Answer
from core.http import client_address
from core.refusals import Refused, settled

LONGEST_HEADER = 4_000
JSON_MEDIA = ("application/json", "application/problem+json", "application/scim+json")
PASSED_ON = ("Content-Type", "Idempotency-Key")
PASSED_BACK = ("location", "etag", "idempotency-replayed", "retry-after", "www-authenticate")


class OfConfigServer(Resource):
    """Objects of the Configuration Server, wherever it is; `at_home` names what concerns this portal alone."""

    at_home: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the caller in; then the view is answered over there, if that is where the objects are."""
        super().initial(request, *args, **kwargs)
        if where.remote() is not None and self.action not in self.at_home:
            setattr(self, str(request.method).lower(), self._forwarded)

    def _forwarded(self, request: Request, **named: Any) -> HttpResponse:
        sent = request._request
        try:
            whole = sent.body
        except RawPostDataException:
            # Something has read it before us, which happens to forms alone.
            raise ParseError("The body is no JSON.") from None
        headers = passed_on(sent, PASSED_ON)
        by, address = caller(request), client_address(sent)
        said = settled(
            asked_over_there(
                by, str(sent.method), sent.get_full_path(), whole, address=address, headers=headers
            )
        )
        body = said.body
        if said.status == HTTPStatus.OK and (page := _page(body)) is not None:
            here = {way: _here(request, page.get(way)) for way in ("next", "previous")}
            body = json.dumps(page | here).encode()
        return passed_back(said, body)


def passed_on(request: HttpRequest, names: Iterable[str]) -> dict[str, str]:
    """These headers of a request, for the remote server; raises ParseError for what no server would take."""
    found = {name: request.headers[name] for name in names if name in request.headers}
    if not all(one.isascii() and one.isprintable() and len(one) <= LONGEST_HEADER for one in found.values()):
        raise ParseError("A header is too long, or no text.")
    return found


def passed_back(said: Answer, body: bytes) -> HttpResponse:
    """An answer of the remote server, as an answer of ours; raises Refused where it is no JSON, which only something else would say."""
    if body and said.headers.get("content-type", "").partition(";")[0].strip() not in JSON_MEDIA:
        raise Refused(UNAVAILABLE)
    answer = HttpResponse(body, status=said.status, content_type=said.headers.get("content-type"))
    for name in PASSED_BACK:
        if name in said.headers:
            answer[name] = said.headers[name]
    return answer


def _page(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "results" in found else None


def _here(request: Request, link: str | None) -> str | None:
    """The link to another page, at this portal."""
    return None if not link else request.build_absolute_uri(f"{request.path}?{urlsplit(link).query}")

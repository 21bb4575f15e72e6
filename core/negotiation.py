"""Which form a body of the API has, and which an answer takes."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

JSON = "application/json"


class Negotiation(DefaultContentNegotiation):
    """The framework's choice; what nearly every program sends and asks for is chosen without parsing."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser of the body; None when there is none for its kind."""
        sent = request._request.META.get("CONTENT_TYPE", "")
        named = next((parser for parser in parsers if parser.media_type == sent), None)
        return named or super().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer and the media type; raises NotAcceptable."""
        first = next(iter(renderers))
        if first.media_type == JSON and request._request.META.get("HTTP_ACCEPT", JSON) in {"*/*", JSON}:
            return first, JSON
        chosen: Any = super().select_renderer(request, renderers, format_suffix)
        return chosen[0], chosen[1]

"""Lists that page by key: the last page of a million rows costs what the first one costs."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import crypto
from core.errors import PortalError

LARGEST_PAGE = 200
PURPOSE = "cursor"
PARAMETERS = ("cursor", "page_size")


@dataclass(frozen=True)
class Cursor:
    """A place in a list: before or behind the row with this key."""

    key: int
    backwards: bool

    def sealed(self, path: str) -> str:
        """The cursor as text. Sealed, so that it tells nobody how many rows of other companies lie between two."""
        plain = json.dumps([self.key, self.backwards]).encode()
        return crypto.seal(plain, purpose=PURPOSE, uid=path).text


def _opened(text: str, path: str) -> Cursor:
    try:
        key, backwards = json.loads(crypto.unseal(crypto.Sealed(text), purpose=PURPOSE, uid=path))
    except PortalError as error:
        sentence = _("This cursor is not one of this list.")
        raise ValidationError({"cursor": [sentence]}, code="bad_cursor") from error
    return Cursor(key, backwards)


class _Asked(serializers.Serializer[Any]):
    cursor = serializers.CharField(required=False, max_length=300, help_text=_("From `next` or `previous`."))
    page_size = serializers.IntegerField(
        required=False,
        default=50,
        min_value=1,
        max_value=LARGEST_PAGE,
        help_text=_("Rows on a page, at most 200."),
    )


class CursorPages(BasePagination):
    """`{"next", "previous", "results"}`, newest first unless the view sets `oldest_first`."""

    display_page_controls = False

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """The rows of the page that was asked for; raises ValidationError for a cursor that is not ours."""
        asked = _Asked(
            data={name: request.query_params[name] for name in PARAMETERS if name in request.query_params}
        )
        asked.is_valid(raise_exception=True)
        size: int = asked.validated_data["page_size"]
        self.request = request
        cursor = (
            _opened(asked.validated_data["cursor"], request.path)
            if "cursor" in asked.validated_data
            else None
        )
        backwards = cursor is not None and cursor.backwards
        ascending = bool(getattr(view, "oldest_first", False)) != backwards
        if cursor is not None:
            queryset = queryset.filter(**{"pk__gt" if ascending else "pk__lt": cursor.key})
        rows = list(queryset.order_by("pk" if ascending else "-pk")[: size + 1])
        more = len(rows) > size
        rows = rows[:size]
        if backwards:
            rows.reverse()
        self.next = Cursor(rows[-1].pk, False) if rows and (more or backwards) else None
        self.previous = (
            Cursor(rows[0].pk, True) if rows and (more if backwards else cursor is not None) else None
        )
        return rows

    def _link(self, cursor: Cursor | None) -> str | None:
        if cursor is None:
            return None
        query = self.request.query_params.dict() | {"cursor": cursor.sealed(self.request.path)}
        # From the configured address: the Host header is the client's.
        return f"{settings.PUBLIC_URL}{self.request.path}?{urlencode(query)}"

    def get_paginated_response(self, data: Any) -> Response:
        """The page with links to the ones beside it."""
        return Response(
            {"next": self._link(self.next), "previous": self._link(self.previous), "results": data}
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape of a page."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """The parameters of a page."""
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 50}
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "schema": {"type": "string", "maxLength": 300},
                "description": "The place in the list, from `next` or `previous`.",
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "schema": size,
                "description": "Rows on a page.",
            },
        ]

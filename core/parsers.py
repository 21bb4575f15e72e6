"""Bodies of requests, bounded before they are read."""

import codecs
import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import QueryDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.utils import json as strict


def _bytes(stream: IO[bytes]) -> bytes:
    # The framework's own parsers read until the end of the stream, whatever its length.
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 1_000_000
    body = stream.read(most + 1)
    if len(body) > most:
        raise RequestDataTooBig("The request is too large.")
    return body


def _read(stream: IO[bytes]) -> str:
    try:
        return codecs.decode(_bytes(stream), "utf-8")  # RFC 8259, 8.1: whatever the header says
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two programs that read the same body must not read two different values.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("A name stands twice in one object.")
    return found


class JsonBody(BaseParser):
    """application/json, RFC 8259: no NaN, no name twice, no bottomless nesting."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The value of the body; raises ParseError or RequestDataTooBig."""
        text = _read(stream)
        try:
            return json.loads(text, parse_constant=strict.strict_constant, object_pairs_hook=_refuse_doubles)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON.") from error


class FormBody(BaseParser):
    """application/x-www-form-urlencoded, as OAuth 2.0 asks for."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> QueryDict:
        """The fields of the form; raises RequestDataTooBig."""
        return QueryDict(_read(stream).encode(), encoding="utf-8")


class XmlBody(BaseParser):
    """application/xml, as it came: whoever asked for the file reads it, with bounds of his own."""

    media_type = "application/xml"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The bytes of the body; raises RequestDataTooBig."""
        return _bytes(stream)

"""The contract of verification services, for those who write one: an OpenAPI document, the same for everybody."""

from functools import cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@cache
def _document() -> bytes:
    return (Path(__file__).parent / "verification_service.json").read_bytes()


@require_safe
def verification_service(_request: HttpRequest) -> HttpResponse:
    """What the portal asks of a verification service, and which answers it takes (OpenAPI 3.1)."""
    response = HttpResponse(_document(), content_type="application/json")
    response["Cache-Control"] = "public, max-age=300"
    return response

"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

PRODUCT = "Gatehouse"


def portal(request: HttpRequest) -> dict[str, Any]:
    """The product's name, whether this is the demo, and who is signed in (None: nobody)."""
    return {"product": PRODUCT, "demo": settings.DEMO, "principal": getattr(request, "principal", None)}

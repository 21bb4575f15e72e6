"""System checks for mixes of settings that each are right and together are not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's name)


@register
def https_needs_a_proxy(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """An https address is served by a proxy that ends TLS; unnamed, every page would redirect to itself for ever."""
    if not settings.SECURE_SSL_REDIRECT or settings.TRUSTED_PROXIES:
        return []
    return [
        Error(
            "PUBLIC_URL is an https address, and no proxy that ends TLS is named.",
            hint="Name its network in TRUSTED_PROXIES, such as 127.0.0.1/32; it must send X-Forwarded-For and X-Forwarded-Proto.",
            id="portal.E001",
        )
    ]


@register
def demo_is_over(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """The demo's people share a password that lies in a file; they are not for a real installation."""
    if settings.DEMO or not (Path(settings.DATA_DIR) / "demo.stamp").exists():
        return []
    return [
        Warning(
            "The demo's people are in this database, with one password for all.",
            hint="Start with another DATA_DIR, or delete them in the administration and then demo.stamp in DATA_DIR.",
            id="portal.W001",
        )
    ]

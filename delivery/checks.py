"""What must be right about mail before anything starts."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's name)
from django.core.exceptions import ImproperlyConfigured

from delivery.gateways.smtp import LOOPBACK, server_of


@register
def mail_server(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001  (Django's signature)
    """EMAIL_URL can be understood, and codes do not travel in clear unless somebody decided so."""
    if not settings.EMAIL_URL:
        return []
    try:
        server = server_of(settings.EMAIL_URL)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="delivery.E001")]
    if server.tls == "off" and server.host not in LOOPBACK:
        return [
            Warning(
                f"Mails, and the codes in them, travel to {server.host} in clear.",
                hint="Leave ?tls=off out of EMAIL_URL.",
                id="delivery.W001",
            )
        ]
    return []

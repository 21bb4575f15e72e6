"""What must be right about mails and text messages before anything starts."""

import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register  # noqa: A004  (Django's name)
from django.core.exceptions import ImproperlyConfigured

from delivery.gateways.smtp import LOOPBACK, server_of
from delivery.gateways.twilio import SERVICE, account

SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{1,11}")


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


@register(deploy=True)
def texts_go_out(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Codes by text message that become files reach nobody; whoever uses none may leave it so."""
    if settings.TWILIO_ACCOUNT_SID or settings.LOOPBACK:
        return []
    return [
        Info(
            "No account for text messages is set up, so they become files.",
            hint="Set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM, or the setting TwoFactor.PhoneField to none.",
            id="delivery.I001",
        )
    ]


@register
def text_messages(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """The account at Twilio can be used, and its token goes to Twilio alone."""
    try:
        known = account()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="delivery.E002")]
    if known is None:
        return []
    if known.sender and not (SERVICE.fullmatch(known.sender) or SENDER.fullmatch(known.sender)):
        return [
            Error(
                "TWILIO_FROM is a number such as +15005550006, a name of up to 11 letters, or the id of a messaging service (MG…).",
                id="delivery.E003",
            )
        ]
    if not known.sender:
        return [
            Warning(
                "Text messages have no sender, so none is sent where TwoFactor.SmsFrom is empty.",
                hint="Set TWILIO_FROM to a number of the account.",
                id="delivery.W002",
            )
        ]
    return []

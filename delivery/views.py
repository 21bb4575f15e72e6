"""The demo's mailbox: shows every mail to every visitor, so it exists only where the only visitor is the one who started it."""

import email
import ipaddress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

SHOWN = 50
LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
# Any of these means that somebody stands between the visitor and us, so a loopback peer proves nothing.
FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """The newest messages that would have been sent; 404 anywhere but on the demo's own machine."""
    if not _is_own_demo(request):
        raise Http404
    folder = Path(settings.DATA_DIR) / "outbox"
    files = sorted((path for path in folder.glob("[!.]*") if path.suffix in {".eml", ".sms"}), reverse=True)
    return render(request, "outbox.html", {"mails": [_shown(path) for path in files[:SHOWN]]})


def _is_own_demo(request: HttpRequest) -> bool:
    if not (settings.DEMO and settings.LOOPBACK) or any(name in request.headers for name in FORWARDING):
        return False
    host = request.get_host()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    try:
        peer = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return name in LOOPBACK_HOSTS and peer.is_loopback


def _shown(path: Path) -> dict[str, Any]:
    message = email.message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=modern)
    body = message.get_body(("plain",))
    return {
        "at": datetime.strptime(path.name.split("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC),
        "to": str(message["To"] or ""),
        "subject": str(message["Subject"] or ""),
        "text": body.get_content() if body else "",
    }

"""The demo's mailbox: shows every mail to every visitor, so it exists only where the only visitor is the one who started it."""

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.http import is_from_this_machine

SHOWN = 50


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """The newest messages that would have been sent; 404 anywhere but on the demo's own machine."""
    if not (settings.DEMO and settings.LOOPBACK and is_from_this_machine(request)):
        raise Http404
    folder = Path(settings.DATA_DIR) / "outbox"
    files = sorted((path for path in folder.glob("[!.]*") if path.suffix in {".eml", ".sms"}), reverse=True)
    return render(request, "outbox.html", {"mails": [_shown(path) for path in files[:SHOWN]]})


def _shown(path: Path) -> dict[str, Any]:
    message = email.message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=modern)
    body = message.get_body(("plain",))
    return {
        "at": datetime.strptime(path.name.split("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC),
        "to": str(message["To"] or ""),
        "subject": str(message["Subject"] or ""),
        "text": body.get_content() if body else "",
    }

"""From a row of the outbox to a message ready to travel, in the language of its reader."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.dateparse import parse_datetime

from delivery.derived import Derived
from delivery.gateways import Parcel
from delivery.models import Delivery, Kind

PRODUCT = "Gatehouse"


def parcel_of(row: Delivery, *, at: datetime) -> Parcel:
    """The finished message; its code or link is computed here and lives no longer than the parcel."""
    minutes = round((row.expires_at - row.created_at).total_seconds() / 60)
    context = {"product": PRODUCT, "expires_minutes": minutes, **row.context}
    for name in ("at", "until"):
        if isinstance(moment := context.get(name), str):
            context[name] = parse_datetime(moment)
    if row.secret:
        context |= Derived(**row.secret).reveal(row.context)
    context["subject"] = row.subject
    context["host"] = "" if settings.LOOPBACK else urlsplit(settings.PUBLIC_URL).hostname
    with translation.override(row.language):
        return Parcel(
            uid=row.uid,
            to=row.to,
            subject=row.subject,
            text=render_to_string(f"{row.kind}/{row.template}.txt", context).strip(),
            html=render_to_string(f"email/{row.template}.html", context) if row.kind == Kind.EMAIL else "",
            from_address=row.from_address,
            at=at,
            expires_at=row.expires_at,
        )

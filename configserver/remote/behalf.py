"""Asking a remote Configuration Server on behalf of an administrator whom this portal describes (`Actor.told`)."""

import base64
import json
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver import where
from configserver.engines.base import Unreachable
from core.db import unit
from core.exchange import Answer
from core.outcomes import Denied

if TYPE_CHECKING:
    from core.api import Caller  # what it imports is for the web, and not for a worker

ACTOR_HEADER, BASE = "X-Gatehouse-Actor", "X-Gatehouse-Base"
LONGEST_ACTOR = 12_000  # a server takes headers of 16 KiB in all
UNAVAILABLE = Denied(
    code="unavailable",
    message=_("The Configuration Server does not answer right now. Please try again later."),
)
TOO_MANY_TENANTS = Denied(
    code="too_many_tenants",
    message=_(
        "Your rights name too many tenants to be told to the Configuration Server. Ask for rights in every company."
    ),
)


def asked_over_there(
    by: "Caller",
    method: str,
    path: str,
    body: bytes = b"",
    *,
    address: str,
    headers: Mapping[str, str] | None = None,
) -> Answer | Denied:
    """What the remote server answers to this call on behalf of whoever calls from this address."""
    remote = where.remote()
    if remote is None:
        return UNAVAILABLE  # the settings have changed at this very moment
    company = by.company
    actor = by.actor(address=address)
    told = {
        **actor.told(),
        "tenant": None if company is None else company.tenant_dbid,
        "kept_under": by.kept_under,
    }
    packed = base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()
    if len(packed) > LONGEST_ACTOR:
        return TOO_MANY_TENANTS
    said = remote.forward(
        method,
        path,
        body,
        headers={
            **(headers or {}),
            **remote.as_portal(),
            ACTOR_HEADER: packed,
            BASE: str(settings.PUBLIC_URL),
        },
    )
    # That the portal is not admitted is no matter of whoever calls it.
    if isinstance(said, Unreachable) or said.status == HTTPStatus.UNAUTHORIZED:
        return UNAVAILABLE
    if method not in {"GET", "HEAD"} and said.status < HTTPStatus.BAD_REQUEST:
        with unit():
            # What it was, the trail over there says, under the name of this portal.
            record(
                Event.FORWARDED,
                origin=actor.origin,
                at=timezone.now(),
                company_id=None if company is None else company.pk,
                server=where.address(),
                method=method,
                path=path.partition("?")[0],
            )
    return said


def read_on_behalf(header: str) -> Mapping[str, Any]:
    """What the header says. Raises ValueError."""
    if len(header) > LONGEST_ACTOR:
        raise ValueError("too long")
    opened = zlib.decompressobj()
    try:
        text = opened.decompress(base64.b64decode(header, validate=True), 1_000_000)
    except zlib.error:
        raise ValueError("not packed") from None
    found = json.loads(text)
    if not isinstance(found, dict) or opened.unconsumed_tail:
        raise ValueError("no object")
    return found

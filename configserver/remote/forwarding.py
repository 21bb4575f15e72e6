"""The API of what a Configuration Server keeps: answered here where it is embedded, and by the remote one where the settings name one.

Over there the same views run the same verbs, on behalf of an administrator whom this portal describes (`Actor.told`). So there is one set
of rules, and one answer.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from configserver import where
from configserver.engines.base import Unreachable
from core.api import Caller, Resource, caller
from core.exchange import Answer
from core.http import client_address
from core.outcomes import Denied
from core.refusals import settled

ACTOR_HEADER = "X-Gatehouse-Actor"
LONGEST_ACTOR = 12_000  # a server takes headers of 16 KiB in all
PASSED_ON = ("Content-Type", "Accept", "Idempotency-Key")
PASSED_BACK = ("idempotency-replayed", "retry-after")
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


class OfConfigServer(Resource):
    """Objects of the Configuration Server, wherever it is; `at_home` names what concerns this portal alone."""

    at_home: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the caller in; then the view is answered over there, if that is where the objects are."""
        super().initial(request, *args, **kwargs)
        if where.remote() is not None and self.action not in self.at_home:
            setattr(self, str(request.method).lower(), self._forwarded)

    def _forwarded(self, request: Request, **named: Any) -> Response:
        sent = request._request
        headers = {name: sent.headers[name] for name in PASSED_ON if name in sent.headers}
        by, address = caller(request), client_address(sent)
        said = settled(
            asked_over_there(
                by, str(sent.method), sent.get_full_path(), sent.body, address=address, headers=headers
            )
        )
        body = json.loads(said.body) if said.body else None
        back = {name: said.headers[name] for name in PASSED_BACK if name in said.headers}
        if said.status == HTTPStatus.CREATED and isinstance(body, dict) and "id" in body:
            back["Location"] = f"{request.path}{body['id']}/"
        if isinstance(body, dict) and "results" in body:
            body |= {way: _here(request, body.get(way)) for way in ("next", "previous")}
        return Response(body, status=said.status, headers=back)


def asked_over_there(
    by: Caller,
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
    told = {**by.actor(address=address).told(), "tenant": None if company is None else company.tenant_dbid}
    packed = base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()
    if len(packed) > LONGEST_ACTOR:
        return TOO_MANY_TENANTS
    said = remote.forward(
        method, path, body, headers={**(headers or {}), **remote.as_portal(), ACTOR_HEADER: packed}
    )
    return UNAVAILABLE if isinstance(said, Unreachable) else said


def _here(request: Request, link: str | None) -> str | None:
    """The link to another page, at this portal."""
    return None if not link else request.build_absolute_uri(f"{request.path}?{urlsplit(link).query}")


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

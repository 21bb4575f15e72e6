"""Refusals that say that somebody reached for more than he has: they are written down, once the verb's own transaction is over."""

import time

from django.http import HttpRequest
from django.utils import timezone

from accounts.principal import Principal
from audit.events import Event
from audit.record import record
from core.buckets import Buckets
from core.db import unit
from core.http import client_address
from core.outcomes import Denied
from core.routes import route_of

TRESPASSES = frozenset(
    {
        "forbidden",
        "privilege_not_held",
        "rank_too_high",
        "reach_not_held",
        "built_in",
        "last_administrator",
        "agent_token_invalid",
        "agent_token_missing",
        "origin_not_allowed",
        "privilege_missing",
        "no_company",
    }
)
# Addresses that hold ids and no secrets; of every other one the trail gets the route.
_SPEAKING = "/api/v1/"
# Somebody who is refused in a loop shall not fill the trail with it.
_noted = Buckets(60)


def note_trespass(principal: Principal, denied: Denied, request: HttpRequest) -> None:
    """Write the refusal down, if it is one of these."""
    if denied.code not in TRESPASSES or _noted.take(principal.caller_id, now=time.monotonic()).refused:
        return
    asked = request.path if request.path.startswith(_SPEAKING) else f"/{route_of(request)}"
    with unit():
        record(
            Event.REFUSED,
            origin=principal.actor(address=client_address(request)).origin,
            at=timezone.now(),
            company_id=principal.user.company_id,
            code=denied.code,
            request=f"{request.method} {asked}"[:200],
        )

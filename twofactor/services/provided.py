"""What the organisation itself has for a person: ways of its verification service, and its RADIUS server."""

from typing import Any

from accounts.models import User
from core.options import Snapshot
from twofactor.services.asked import Provided


def provided_for(user: User, settings: Snapshot) -> Provided:  # noqa: ARG001
    """What there is for this person now. Asks the network where a service is set up, so never inside a unit."""
    return Provided()


def provided_from(kept: Any) -> Provided:
    """What was found before, as an attempt keeps it."""
    if not kept:
        return Provided()
    return Provided(ways=tuple((way, label) for way, label in kept["ways"]), unknown=kept["unknown"])


def kept_form(provided: Provided) -> Any:
    """The same as plain values; None where there is nothing."""
    if not provided.ways and not provided.unknown:
        return None
    return {"ways": [list(way) for way in provided.ways], "unknown": provided.unknown}

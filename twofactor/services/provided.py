"""What the organisation itself has for a person: ways of its verification service, and its RADIUS server."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from accounts.models import User
from core.db import current_unit
from core.options import Snapshot
from twofactor.methods import radius, webservice
from twofactor.methods.base import Unavailable
from twofactor.models import FactorKind
from twofactor.options import GENERATION, RADIUS_DIRECTORY
from twofactor.policy import allowed
from twofactor.services.asked import Provided


def provided_for(user: User, settings: Snapshot, *, now: datetime) -> Provided:
    """What there is for this person now. Asks the network where a service is set up, so never inside a unit."""
    if current_unit() is not None:
        raise RuntimeError("provided_for() asks the network, which no unit may be held over.")
    found = known_of(settings, user)
    if not asks_service(settings):
        return found
    ways = webservice.ways_for(user, settings, now=now)
    if isinstance(ways, Unavailable):
        return found
    mine = tuple((f"{FactorKind.WEBSERVICE}:{way}", label) for way, label in ways)
    return replace(found, ways=(*mine, *found.ways), unknown=is_cut_off(settings))


def known_of(settings: Snapshot, user: User | None = None) -> Provided:
    """What can be said without asking anybody; what a service has for somebody is unknown.

    The RADIUS server is there for all but those whose password it proves: the same password a second time is no second factor.
    """
    has_radius = FactorKind.RADIUS in _permitted(settings) and radius.directory_for(settings) is not None
    if has_radius and user is not None:
        has_radius = not radius.proves_the_password(user, settings)
    ways = ((FactorKind.RADIUS.value, ""),) if has_radius else ()
    return Provided(ways=ways, unknown=asks_service(settings) or is_cut_off(settings))


def _permitted(settings: Snapshot) -> frozenset[str]:
    return allowed(settings.text(GENERATION))


def asks_service(settings: Snapshot) -> bool:
    """Whether a verification service is asked at the sign-in what it has for a person."""
    return FactorKind.WEBSERVICE in _permitted(settings) and bool(webservice.url_of(settings))


def is_cut_off(settings: Snapshot) -> bool:
    """Whether RADIUS is to be used and cannot be, for its directory was switched off since; like a service that does not answer."""
    named = FactorKind.RADIUS in _permitted(settings) and bool(settings.text(RADIUS_DIRECTORY))
    return named and radius.directory_for(settings) is None


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

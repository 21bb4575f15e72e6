"""What people let clients know, as they see it and take it back."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Session, User
from accounts.sessions import end_sessions
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from oidc.ending import sessions_at
from oidc.models import Client, ClientSession, Consent


@dataclass(frozen=True, kw_only=True)
class Connected:
    """A client that knows something of a person."""

    client: Client
    scopes: frozenset[str]
    at: datetime | None  # when the person said yes; None where nobody was asked


def connected(user: User, *, now: datetime) -> list[Connected]:
    """The clients that this person said yes to, or is signed in to; by name."""
    said = {one.client_id: one for one in Consent.objects.filter(user=user.pk)}
    live = Session.live(now=now, path="session__")
    held: dict[int, set[str]] = {}
    for row in ClientSession.objects.filter(live, session__user=user.pk, used_at__isnull=False):
        held.setdefault(row.client_id, set()).update(row.scope)
    return [
        Connected(
            client=one,
            scopes=frozenset(said[one.pk].scopes if one.pk in said else held[one.pk]),
            at=said[one.pk].at if one.pk in said else None,
        )
        for one in Client.objects.filter(pk__in=[*said, *held]).order_by("name")
    ]


def take_back(user: User, client: Client, *, origin: Origin, now: datetime) -> int:
    """The client knows nothing more, and its sessions of this person end; how many did. One that asks people asks anew."""
    with unit():
        Consent.objects.filter(user=user.pk, client=client).delete()
        mine = sessions_at(client, now=now, user=user)
        record(
            Event.CONSENT_TAKEN_BACK,
            origin=origin,
            at=now,
            company_id=user.company_id,
            subject=client,
            sessions=len(mine),
        )
        return end_sessions(mine, reason="ended_by_owner", origin=origin, now=now)

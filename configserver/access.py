"""What the Configuration Server asks of whoever changes it. The app above answers by its own rules (`tenants.actor.Actor`)."""

from typing import Protocol
from uuid import UUID

from audit.record import Origin
from configserver.values import Granted
from core.outcomes import Denied


class Administrator(Protocol):
    """Somebody who acts, or the installation itself."""

    @property
    def origin(self) -> Origin:
        """Who it is and from where."""

    def may_touch_tenant(self, verb: str, kind: str, *, dbid: int | None) -> bool:
        """Whether the verb is allowed on objects of this kind in the tenant with this DBID (None: in all at once)."""

    def exceeded_by_grants(self, *grants: Granted, dbid: int | None) -> Denied | None:
        """The refusal when any of these gives somebody of this tenant (None: of any) more than the actor has."""

    def company_of_tenant(self, dbid: int | None) -> int | None:
        """The number of the company that is linked to the tenant, for the trail."""

    def knows_kind(self, kind: str) -> bool:
        """Whether there are objects of this kind, or it stands for all of them."""

    def is_person(self, uid: UUID) -> bool:
        """Whether the actor is this very person of the Configuration Server."""

    def may_touch_people_of(self, source: UUID | None) -> bool:
        """Whether people whom this directory brought (None: none did) can be the actor's to touch at all."""

    def is_directory(self, uid: UUID) -> bool:
        """Whether the actor is this directory, which keeps the people whom it brings."""

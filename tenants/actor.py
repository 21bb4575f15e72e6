"""Who asks for a change, with what rights and from where; made at the edge and handed down to every verb."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit.record import Named, Origin
from configserver.values import Granted
from core.outcomes import Denied
from tenants.granted import catalogue, company_of_tenant, most_of, tenants_of
from tenants.models import RANK_MAXIMUM, Kind, Privilege
from tenants.rights import EVERYWHERE, Everywhere, Rights, exceeds
from tenants.rules import may_touch


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody who acts, or the installation itself (`system_actor`); to the Configuration Server, its `Administrator`."""

    rights: Rights
    origin: Origin
    sign_in: UUID | None = None  # the session in which he does it

    def told(self) -> dict[str, Any]:
        """Himself in plain values, with tenants for companies, so that a remote Configuration Server can judge what he does."""
        actor = self.origin.actor
        return {
            "actor": _named(actor),
            "impersonator": _named(self.origin.impersonator),
            "person": str(getattr(actor, "source_id", None) or ""),
            "address": self.origin.address,
            "rank": self.rights.rank,
            "privileges": sorted(map(list, self.rights.privileges)),
            "lacks": sorted(map(list, catalogue() - self.rights.privileges)),
            "reach": {kind: tenants_of(companies) for kind, companies in self.rights.reach.items()},
        }

    def acts_as(self, uid: UUID) -> bool:
        """Whether an administrator acts as this very person, whose own account is shut to him then."""
        return self.origin.impersonator is not None and getattr(self.origin.actor, "uid", None) == uid

    def usual_company(self, kind: str) -> Any:
        """The company that is meant where none is named: his own, where the field offers him no choice; None where he sees every one."""
        everywhere = isinstance(self.rights.sees(kind), Everywhere)
        return None if everywhere else getattr(self.origin.actor, "company", None)

    def exceeded_by(self, *given: Rights) -> Denied | None:
        """The refusal when any of these gives more than the actor has."""
        return next((denied for one in given if (denied := exceeds(self.rights, one))), None)

    def may_touch_tenant(self, verb: str, kind: str, *, dbid: int | None) -> bool:
        """Whether the verb is allowed on objects of this kind in the tenant with this DBID (None: in all at once)."""
        return may_touch(self.rights, verb, kind, company_id=company_of_tenant(dbid))

    def exceeded_by_grants(self, *grants: Granted, dbid: int | None) -> Denied | None:
        """The refusal when any of these gives somebody of this tenant (None: of any) more than the actor has."""
        return self.exceeded_by(*(most_of(one, dbid=dbid) for one in grants))

    def company_of_tenant(self, dbid: int | None) -> int | None:
        """The number of the company that is linked to the tenant, for the trail."""
        return company_of_tenant(dbid)

    def knows_kind(self, kind: str) -> bool:
        """Whether there are objects of this kind, or it stands for all of them."""
        return kind in Kind.values

    def is_person(self, uid: UUID) -> bool:
        """Whether the actor is this very person of the Configuration Server."""
        return getattr(self.origin.actor, "source_id", None) == uid

    def may_touch_people_of(self, source: UUID | None) -> bool:
        """Always: rights and reach decide, wherever somebody comes from."""
        return True

    def is_directory(self, uid: UUID) -> bool:
        """Never: a directory acts as itself."""
        return False


def _named(one: Named | None) -> dict[str, str] | None:
    return None if one is None else {"id": str(one.uid), "name": str(one)}


def system_actor() -> Actor:
    """The installation itself, as it acts in commands on the machine: everything that exists is allowed."""
    held = frozenset(Privilege.objects.values_list("application", "name"))
    rights = Rights(rank=RANK_MAXIMUM, privileges=held, reach={Kind.ALL.value: EVERYWHERE})
    return Actor(rights=rights, origin=Origin())

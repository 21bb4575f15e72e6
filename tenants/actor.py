"""Who asks for a change, with what rights and from where; made at the edge and handed down to every verb."""

from dataclasses import dataclass

from audit.record import Origin
from core.outcomes import Denied
from tenants.models import RANK_MAXIMUM, Kind, Privilege
from tenants.rights import EVERYWHERE, Rights, exceeds


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody who acts, or the installation itself (`system_actor`)."""

    rights: Rights
    origin: Origin

    def exceeded_by(self, *given: Rights) -> Denied | None:
        """The refusal when any of these gives more than the actor has."""
        return next((denied for one in given if (denied := exceeds(self.rights, one))), None)


def system_actor() -> Actor:
    """The installation itself, as it acts in commands on the machine: everything that exists is allowed."""
    held = frozenset(Privilege.objects.values_list("application", "name"))
    rights = Rights(rank=RANK_MAXIMUM, privileges=held, reach={Kind.ALL.value: EVERYWHERE})
    return Actor(rights=rights, origin=Origin())

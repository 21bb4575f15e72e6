"""Who is proved by a directory: tenants that name it or take it from above, their persons, and those who have it as their own."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import Q

from configserver import tree
from configserver.choice import of_tenant
from configserver.models import Directory


@dataclass(frozen=True, kw_only=True)
class Use:
    """The numbers of the tenants that use one directory."""

    everybody: list[int] = field(default_factory=list)  # for all their persons
    with_id: list[int] = field(default_factory=list)  # only for those with an external id

    @property
    def tenants(self) -> list[int]:
        """All of them."""
        return [*self.everybody, *self.with_id]


def uses() -> Mapping[str, Use]:
    """By the id of each directory that any tenant uses, as of the last second."""
    found: dict[str, Use] = defaultdict(Use)
    for chain in tree.chains():
        engine, for_everybody = of_tenant(link.said for link in chain)
        use = found[engine]
        (use.everybody if for_everybody else use.with_id).append(chain[0].pk)
    return found


def use_of(directory: Directory) -> Use:
    """The tenants that use this one."""
    return uses().get(str(directory.uid), Use())


def is_proved_by(directory: Directory, use: Use) -> Q:
    """The condition of persons whose passwords this directory proves, where these tenants use it."""
    by_tenant = Q(tenant__in=use.everybody) | Q(tenant__in=use.with_id) & ~Q(external_id="")
    return Q(directory=directory) | Q(directory=None) & by_tenant

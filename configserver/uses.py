"""Who is proved by a directory: tenants that name it or take it from above, their persons, and those who have it as their own."""

from django.db.models import Q, QuerySet

from configserver import tree
from configserver.choice import engine_of
from configserver.models import Directory, Person, Tenant

NONE, SOME = "", "some"  # external ids


def tenants_of(directory: Directory) -> QuerySet[Tenant]:
    """The tenants whose persons, or those with an external id, this directory proves."""
    return Tenant.objects.filter(pk__in=_asking(directory, external_id=SOME))


def persons_of(directory: Directory) -> QuerySet[Person]:
    """The persons whose passwords this directory proves."""
    all_of, those_with_id = (_asking(directory, external_id=one) for one in (NONE, SOME))
    by_tenant = Q(tenant__in=all_of) | Q(tenant__in=those_with_id) & ~Q(external_id="")
    return Person.objects.filter(Q(directory=directory) | Q(directory=None) & by_tenant)


def _asking(directory: Directory, *, external_id: str) -> list[int]:
    """The numbers of the tenants in which it answers for somebody with this external id."""
    uid = str(directory.uid)
    found = []
    for chain in tree.chains():
        choice = engine_of(own="", external_id=external_id, tenants=[link.said for link in chain])
        if choice.engine == uid:
            found.append(chain[0].pk)
    return found

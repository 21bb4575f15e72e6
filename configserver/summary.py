"""How far the Configuration Server is filled, for whoever sets one up."""

from django.db.models import Exists, OuterRef

from configserver.contract import Summary
from configserver.models import Person, Role, SolutionPackage, Tenant

MOST_TENANTS = 1_000


def summary() -> Summary:
    """As it is now."""
    package = SolutionPackage.objects.filter(rolled_back_at=None).order_by("-id").first()
    peopled = Tenant.objects.filter(Exists(Person.objects.filter(tenant=OuterRef("pk")))).order_by("dbid")
    return Summary(
        package="" if package is None else str(package),
        has_roles=Role.objects.exists(),
        peopled=tuple((one.dbid, str(one)) for one in peopled[:MOST_TENANTS]),
    )

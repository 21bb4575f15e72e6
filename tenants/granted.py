"""What the Configuration Server gives to external people, in the portal's own terms: tenants are companies here."""

from collections.abc import Callable
from dataclasses import replace

from django.db.models import QuerySet

from configserver.models import Tenant
from configserver.values import Granted, Opened
from core import epoch
from tenants.models import Company, Permission, Privilege, Reach
from tenants.rights import EVERYWHERE, Companies, Everywhere, Rights, sum_of

CompanyOf = Callable[[int | None], int | None]
_linked = epoch.Cached[str, dict[int | None, int]](
    lambda _one: dict(Company.objects.exclude(tenant_dbid=None).values_list("tenant_dbid", "pk"))
)


_catalogue = epoch.Cached[str, frozenset[tuple[str, str]]](
    lambda _one: frozenset(Privilege.objects.values_list("application", "name"))
)


def company_of_tenant(dbid: int | None) -> int | None:
    """The number of the company that is linked to the tenant with this DBID, as of the last second."""
    return _linked("").get(dbid) if dbid is not None else None


def tenants_of(companies: Companies) -> list[int] | None:
    """The DBIDs of the tenants that are linked to these companies; None: of every tenant."""
    if isinstance(companies, Everywhere):
        return None
    return sorted(dbid for dbid, pk in _linked("").items() if pk in companies and dbid is not None)


def tenants_within(rights: Rights, kind: str) -> QuerySet[Tenant]:
    """The tenants whose objects of this kind these rights open: those linked to companies in reach."""
    companies = rights.sees(kind)
    if isinstance(companies, Everywhere):
        return Tenant.objects.all()
    linked = Company.objects.filter(pk__in=companies).exclude(tenant_dbid=None)
    return Tenant.objects.filter(dbid__in=linked.values("tenant_dbid"))


def permission_of(opened: Opened, *, loaded: int) -> Permission | None:
    """The same as a permission of ours, which is not stored; None where it opens no company that there is.

    `loaded` is the company of the person. What a company gave of its own to somebody who belongs elsewhere by the word of a directory
    opens neither of the two.
    """
    company_id = company_of_tenant(opened.tenant)
    if opened.reach == Reach.ONE:
        return (
            None
            if company_id is None
            else Permission(kind=opened.kind, reach=Reach.ONE, company_id=company_id)
        )
    if opened.reach == Reach.OWN and company_id not in {None, loaded}:
        return None
    return Permission(kind=opened.kind, reach=opened.reach)


def _companies(opened: Opened, *, own: Companies, company_of: CompanyOf) -> Companies:
    if opened.reach == Reach.EVERY:
        return EVERYWHERE
    if opened.reach == Reach.OWN:
        return own
    company_id = company_of(opened.tenant)
    # A tenant without a company opens nothing now, and whatever company is linked to it later.
    return EVERYWHERE if company_id is None else frozenset([company_id])


def catalogue() -> frozenset[tuple[str, str]]:
    """The privileges that somebody here can have at all: application and name."""
    return _catalogue("")


def known_here(rights: Rights) -> Rights:
    """The same without privileges of other systems, which our catalogue does not know.

    Nobody here can hold these, so rank alone bounds who gives them on, and who touches somebody that has them.
    """
    return replace(rights, privileges=rights.privileges & catalogue())


def most_of(
    granted: Granted,
    *,
    dbid: int | None,
    company_of: CompanyOf = company_of_tenant,
    catalogue: frozenset[tuple[str, str]] | None = None,
) -> Rights:
    """The most that this can give to somebody of the tenant with this DBID; None, or a tenant without a company: of any."""
    company_id = company_of(dbid)
    own: Companies = EVERYWHERE if company_id is None else frozenset([company_id])
    opened = [
        Rights(reach={one.kind: _companies(one, own=own, company_of=company_of)})
        for one in granted.permissions
    ]
    most = sum_of([Rights(rank=granted.rank, privileges=granted.privileges), *opened])
    return known_here(most) if catalogue is None else replace(most, privileges=most.privileges & catalogue)

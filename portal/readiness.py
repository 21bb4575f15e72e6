"""What people of the Configuration Server need before they can sign in, and whether it is there (seed 002, the four prerequisites)."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from accounts import external
from accounts.mode import external_is_on
from accounts.options import DEFAULT_COMPANY
from configserver.models import Person, Role, SolutionPackage, Tenant
from tenants.models import Company
from tenants.rights import Rights
from tenants.rules import may_touch
from tenants.settings import snapshot

TENANTS_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """How things stand."""

    mode_on: bool
    has_persons: bool
    package: SolutionPackage | None  # the one that was applied last and is in force
    has_roles: bool  # any directory role, however it was made
    links: int  # companies that are linked to a tenant
    unlinked: tuple[Tenant, ...]  # tenants with persons and without a company, the first few
    default_named: bool  # whether the setting names a company
    default: Company | None  # that company, if it is there and active

    @property
    def all_have_companies(self) -> bool:
        """Whether nobody is turned away for want of a company."""
        return self.default is not None or (self.links > 0 and not self.unlinked)


def may_see(rights: Rights) -> bool:
    """Whether somebody may see what belongs to the whole installation's directories."""
    return may_touch(rights, "view", "directory", company_id=None)


def readiness() -> Readiness:
    """How things stand now."""
    linked = Company.objects.exclude(tenant_dbid=None)
    persons = Person.objects.filter(tenant=OuterRef("pk"))
    unlinked = Tenant.objects.filter(Exists(persons)).exclude(dbid__in=linked.values("tenant_dbid"))
    return Readiness(
        mode_on=external_is_on(),
        has_persons=Person.objects.exists(),
        package=SolutionPackage.objects.filter(rolled_back_at=None).order_by("-id").first(),
        has_roles=Role.objects.exists(),
        links=linked.count(),
        unlinked=tuple(unlinked.order_by("dbid")[:TENANTS_NAMED]),
        default_named=bool(snapshot(None).text(DEFAULT_COMPANY)),
        default=external.default_company(),
    )

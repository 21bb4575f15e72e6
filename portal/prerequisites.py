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


def has_persons() -> bool:
    """Whether there is anybody in the Configuration Server."""
    return Person.objects.exists()


def names_no_company() -> bool:
    """Whether the default company of the settings is none that is there and active."""
    return bool(snapshot(None).text(DEFAULT_COMPANY)) and external.default_company() is None


@dataclass(frozen=True, kw_only=True)
class Prerequisites:
    """How things stand."""

    mode_on: bool
    package: SolutionPackage | None  # the one that was applied last and is in force
    has_roles: bool  # any directory role, however it was made
    links: int  # companies that are linked to a tenant
    unlinked: tuple[Tenant, ...]  # tenants with persons and without a company, the first few
    default: Company | None  # for all other tenants, if the setting names one that is active
    default_wrong: bool  # it names one that is not

    @property
    def turned_away(self) -> tuple[Tenant, ...]:
        """The first tenants with persons for whom no company is loaded."""
        return self.unlinked if self.default is None else ()

    @property
    def all_have_companies(self) -> bool:
        """Whether nobody is turned away for want of a company."""
        return self.default is not None or (self.links > 0 and not self.unlinked)


def may_see(rights: Rights) -> bool:
    """Whether somebody may see what belongs to the whole installation's directories."""
    return may_touch(rights, "view", "directory", company_id=None)


def prerequisites() -> Prerequisites:
    """How things stand now."""
    linked = Company.objects.exclude(tenant_dbid=None)
    persons = Person.objects.filter(tenant=OuterRef("pk"))
    unlinked = Tenant.objects.filter(Exists(persons)).exclude(dbid__in=linked.values("tenant_dbid"))
    return Prerequisites(
        mode_on=external_is_on(),
        package=SolutionPackage.objects.filter(rolled_back_at=None).order_by("-id").first(),
        has_roles=Role.objects.exists(),
        links=linked.count(),
        unlinked=tuple(unlinked.order_by("dbid")[:TENANTS_NAMED]),
        default=external.default_company(),
        default_wrong=names_no_company(),
    )

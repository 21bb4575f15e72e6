"""E. Access after it should have ended: what external people saw of a company through a tenant that is not its own any more."""

import pytest
from django.utils import timezone

from accounts.companies import change_company
from configserver.models import Permission, Tenant
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tenants.services import CompanyDraft
from tests import directory
from tests.journeys.doors import Door, sign_in
from tests.journeys.stage import PASSWORD, configure

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mode(db: None) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")


@pytest.fixture
def acme_tenant(acme: Company) -> Tenant:
    return directory.tenant(101, company=acme)


def link(company: Company, dbid: int | None) -> None:
    changed = change_company(company, CompanyDraft(tenant_dbid=dbid), by=system_actor(), now=timezone.now())
    assert not isinstance(changed, Denied), changed


@pytest.mark.parametrize("through", ["role", "person"])
def test_who_was_to_see_the_tenant_sees_nothing_of_the_company_that_leaves_it(
    door: Door, acme: Company, acme_tenant: Tenant, globex: Company, through: str
) -> None:
    role = directory.role("Auditor")
    auditor = directory.person(
        "dora", tenant=directory.tenant(102, company=globex), password=PASSWORD, roles=[role]
    )
    holder = {"role": role} if through == "role" else {"person": auditor}
    Permission.objects.create(kind="user", reach="one", tenant=acme_tenant, **holder)
    bystander = door.stranger()
    directory.person("egon", tenant=directory.tenant(102), password=PASSWORD)
    assert sign_in(door, "dora", PASSWORD).step == "done"
    assert sign_in(bystander, "egon", PASSWORD).step == "done"
    link(acme, 500)
    assert not door.is_in()
    assert bystander.is_in()


def test_who_was_in_the_default_company_is_not_any_more(door: Door, acme: Company, globex: Company) -> None:
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(globex.uid))
    directory.person("dora", tenant=directory.tenant(500), password=PASSWORD)
    assert sign_in(door, "dora", PASSWORD).step == "done"
    link(acme, 500)
    assert not door.is_in()

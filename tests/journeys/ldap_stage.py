"""An LDAP directory that people sign in by: the real server, what its groups and values stand for, and Dora in it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from accounts.models import User
from accounts.names import Realm
from audit.models import AuditEvent
from configserver.directory import Directory
from configserver.models import Person, Role, Tenant
from tenants.models import Company
from tests import directories, directory
from tests.journeys.stage import Time, configure
from tests.services.ldap import AGENTS, MANAGERS, Ldap, ldap_machine


@pytest.fixture
def clock() -> Iterator[Time]:
    """Time that stands still now: the certificates and the policies of the directory know no other."""
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:
        yield Time(traveller)


@pytest.fixture(autouse=True)
def mode(db: None) -> None:
    """External people can sign in."""
    configure(Login__ExternalAuthenticationMode="ConfigServer")


@pytest.fixture
def server() -> Iterator[Ldap]:
    """A directory with its whole cast."""
    with ldap_machine() as server:
        yield server


@pytest.fixture
def agent(db: None) -> Role:
    """Of the group of agents."""
    return directory.role(
        "Agent of the directory", privileges=[("Workspace", "Agent - Can Monitor Co-browse")]
    )


@pytest.fixture
def manager(db: None) -> Role:
    """Of the group of managers, which holds agents through another group."""
    return directory.role("Manager of the directory", rank=40)


@pytest.fixture
def acme_tenant(acme: Company) -> Tenant:
    """The tenant of Acme."""
    return directory.tenant(101, name="Acme", company=acme)


@pytest.fixture
def globex_tenant(globex: Company) -> Tenant:
    """The tenant of Globex."""
    return directory.tenant(102, name="Globex", company=globex)


@pytest.fixture
def ldap(server: Ldap, agent: Role, manager: Role, acme_tenant: Tenant, globex_tenant: Tenant) -> Directory:
    """The directory of the server: two groups give roles, the organisation names the tenant."""
    return directories.ldap(
        server,
        tenant_attribute="o",
        tenant_values=[("Acme", acme_tenant), ("Globex", globex_tenant)],
        groups=[(AGENTS, agent), (MANAGERS, manager)],
    )


@pytest.fixture
def dora(ldap: Directory, acme_tenant: Tenant) -> Person:
    """Of Acme, and in the group of agents."""
    return directory.person("dora", tenant=acme_tenant, directory=ldap)


def known(uid: str, ldap: Directory, tenant: Tenant) -> Person:
    """One more person of the directory."""
    return directory.person(uid, tenant=tenant, directory=ldap)


def shadow(name: str) -> User:
    """The account of the external person of this name."""
    return User.objects.get(realm=Realm.EXTERNAL, login_key=name)


def reasons(event: str = "login:password:refused") -> list[str]:
    """Why, as the trail says, oldest first."""
    rows = AuditEvent.objects.filter(event=event).order_by("id")
    return [str(one["reason"]) for one in rows.values_list("details", flat=True)]

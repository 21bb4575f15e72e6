"""The cast at a contact centre: Ben and Bea are agents of Acme, Moe belongs to it and is none, Carol is a customer."""

import pytest

from accounts.models import User
from cobrowse.models import Application
from tenants.models import Company
from tests.cast import AGENT, MEMBER, person
from tests.cobrowse.story import SHOP, Customer, application


@pytest.fixture
def ben(acme: Company) -> User:
    """An agent of Acme."""
    return person("ben@acme.example", company=acme, role=AGENT, name="Ben")


@pytest.fixture
def bea(acme: Company) -> User:
    """Another one."""
    return person("bea@acme.example", company=acme, role=AGENT, name="Bea")


@pytest.fixture
def moe(acme: Company) -> User:
    """Belongs to Acme and is no agent."""
    return person("moe@acme.example", company=acme, role=MEMBER, name="Moe")


@pytest.fixture
def cluster(acme: Company) -> Application:
    """Acme's cluster, which lists its shop and has no token."""
    return application(acme, "cluster", origins=SHOP)


@pytest.fixture
def carol(cluster: Application) -> Customer:
    """A customer on a page of Acme's shop."""
    return Customer()

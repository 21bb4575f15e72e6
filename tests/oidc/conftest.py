"""The stage of the journeys, and a client of somebody else."""

import pytest

from accounts.models import User
from oidc.models import Client
from tenants.models import Company
from tests.journeys.doors import WebDoor, sign_in
from tests.journeys.stage import *  # noqa: F403
from tests.journeys.stage import PASSWORD, _server  # noqa: F401
from tests.journeys.test_settings_of_the_factor import BEN
from tests.oidc.relying import Party, party_of


@pytest.fixture
def ben_in(web: WebDoor, ben: User) -> WebDoor:
    """A browser in which Ben has signed in."""
    assert sign_in(web, BEN, PASSWORD).step == "done"
    return web


@pytest.fixture
def party(acme: Company) -> Party:
    """A wiki of Acme."""
    return party_of(acme)


@pytest.fixture
def client_row(party: Party) -> Client:
    """Its row here."""
    return Client.objects.get(client_id=party.client_id)

"""What the stories of factors that others check stand on: a verification service and a RADIUS server that are really there."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from configserver.directory import Directory
from core import addresses
from tests import directories
from tests.journeys.stage import configure
from tests.services.radius import CODE, COLOUR, Person, Radius, freeradius
from tests.services.verification import Service, verification_service
from twofactor.methods import webservice

HERE = ["127.0.0.0/8", "::1/128"]
BEN, ADA = "ben@acme.example", "ada@acme.example"
TOKEN_OF_BEN = Person(name=BEN, password="771122")  # what his token shows
TOKEN_OF_ADA = Person(name=ADA, password="her PIN", questions=(CODE, COLOUR))
MILLISECONDS = 400


@pytest.fixture(scope="module")
def _service() -> Iterator[Service]:
    with verification_service() as service:
        yield service


@pytest.fixture
def service(_service: Service, settings: Settings) -> Service:
    """The service that the settings name, which keeps the contract until a test says otherwise."""
    settings.OUTBOUND_ALLOW, settings.OUTBOUND_CA_FILE = HERE, str(_service.authority)
    fresh = Service(url=_service.url, authority=_service.authority)
    release = _service.release
    for name, value in vars(fresh).items():
        setattr(_service, name, value)
    release.set()  # what an earlier test left hanging ends
    addresses._kept.clear()
    webservice.slots.cache_clear()
    configure(
        TwoFactor__Policy="required",
        TwoFactor__CodeGeneration="external",
        TwoFactor__WebServiceUrlProduction=_service.url,
        TwoFactor__WebServiceTimeoutMs=MILLISECONDS,
    )
    return _service


@pytest.fixture(scope="module")
def radius_server() -> Iterator[Radius]:
    """A RADIUS server that knows Ben's token and Ada's."""
    with freeradius(people=(TOKEN_OF_BEN, TOKEN_OF_ADA)) as server:
        yield server


@pytest.fixture
def radius(radius_server: Radius) -> Directory:
    """The directory with this server, named by the settings."""
    made = directories.radius(radius_server.name)
    configure(
        TwoFactor__Policy="required",
        TwoFactor__CodeGeneration="external",
        TwoFactor__RadiusDirectory=str(made.uid),
    )
    return made

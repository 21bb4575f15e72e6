"""The world of the walk, built once a module, and who walks. Every test leaves it as it was."""

from collections.abc import Iterator, Mapping

import pytest
from pytest_django import DjangoDbBlocker

from accounts import trespass
from core import ratelimit
from tests.isolation import world as worlds
from tests.isolation.visits import Visitor, undone
from tests.isolation.world import World


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction around a module, so that what is built in it is built once."""
    with django_db_blocker.unblock(), undone():
        yield


@pytest.fixture
def db(house: None, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The database as the module has it, and will have it again after the test."""
    caplog.set_level("ERROR", "django.request")  # refusals are what the walk expects
    ratelimit.PEOPLE.clear()
    ratelimit.NETWORKS.clear()
    trespass._noted.clear()
    with undone():
        yield


@pytest.fixture(scope="module")
def world(house: None) -> World:
    """Acme, Globex and the installation above them."""
    return worlds.build()


@pytest.fixture(scope="module")
def visitors(world: World) -> Mapping[str, Visitor]:
    """Everybody who walks, by name; each with a browser."""
    people = {
        name: getattr(world, name) for name in ("root", "ada", "ben", "cleo", "carl", "nora", "vera", "dora")
    }
    found = {
        name: Visitor(name, user, company=str(user.company.uid) if user.company else "")
        for name, user in people.items()
    }
    return found | {"nobody": Visitor("nobody", None)}

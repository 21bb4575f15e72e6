"""What the tests of the Configuration Server share."""

from datetime import datetime

import pytest
from django.utils import timezone
from pytest_django import Settings

from tenants.actor import Actor, system_actor
from tests.attacks.hashers import Counting


@pytest.fixture
def hashes(settings: Settings) -> type[Counting]:
    """A hash that costs nothing, and counts."""
    settings.PASSWORD_HASHERS = ["tests.attacks.hashers.Counting"]
    Counting.count = 0
    return Counting


@pytest.fixture
def system(db: None) -> Actor:
    """The installation itself."""
    return system_actor()


@pytest.fixture
def now() -> datetime:
    """The time at which the test acts."""
    return timezone.now()

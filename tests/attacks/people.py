"""The attacker, and what every attack uses."""

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import User
from audit.record import Origin
from tenants.models import Company
from tests import cast
from tests.journeys.stage import PASSWORD
from twofactor.models import FactorKind
from twofactor.services import add_factor

ADA, BEN, CLEO, MALLORY = (
    "ada@acme.example",
    "ben@acme.example",
    "cleo@globex.example",
    "mallory@acme.example",
)


@pytest.fixture
def mallory(acme: Company) -> User:
    """Belongs to Acme too, with codes by e-mail turned on, and attacks."""
    user = cast.person(MALLORY, company=acme, role=cast.MEMBER, name="Mallory")
    user.password, user.password_changed_at = make_password(PASSWORD), timezone.now()
    user.save()
    add_factor(user, kind=FactorKind.EMAIL, origin=Origin(actor=user), now=timezone.now())
    return user

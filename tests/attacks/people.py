"""The attacker, and what every attack uses."""

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import User
from audit.record import Origin
from delivery.models import Delivery
from tenants.models import Company
from tests import cast
from tests.journeys.stage import PASSWORD
from twofactor.models import Factor, FactorKind
from twofactor.services.factors import add_factor

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
    Delivery.objects.all().delete()  # the notice of it
    return user


def without_factors(user: User) -> None:
    """Turn everything off, as if it never had been on."""
    Factor.objects.filter(user=user.pk).delete()
    User.objects.filter(pk=user.pk).update(factor_kinds="")

"""One administrator tries to become another one: by the address, by settings, by a service of his own (attacks 4, 6, 21)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.people import set_password
from tenants.models import Company
from tests import cast
from tests.cast import Api
from tests.journeys.doors import Door, sign_in
from tests.journeys.outside_stage import *  # noqa: F403
from tests.journeys.outside_stage import Service, _service  # noqa: F401
from tests.journeys.passkeys import device_of, given_passkey
from tests.journeys.stage import PASSWORD, Post, Time, configure
from tests.journeys.test_lost import lose
from tests.journeys.test_settings_of_the_factor import ADA, turn_on

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
MINE, WORDS = "eve-private@evil.example", "somebody else's words 9"


@pytest.fixture
def eve(acme: Company, clock: Time) -> User:
    """Another administrator of the same company, who may change its settings."""
    return cast.person("eve@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)


def _by_mailed_codes(door: Door, ada: User, post: Post) -> None:
    turn_on(ada)
    sign_in(door, ADA, PASSWORD)
    assert door.take("code", code=post.code(ADA)).step == "done"
    door.leave()


def _by_app(_door: Door, ada: User, _post: Post) -> None:
    lose(ada)
    User.objects.filter(pk=ada.pk).update(last_factor="totp")


def _by_phone(_door: Door, ada: User, _post: Post) -> None:
    phone = {"phone": "+493012345678", "phone_verified_at": timezone.now(), "last_factor": "email"}
    User.objects.filter(pk=ada.pk).update(**phone)


@pytest.mark.parametrize("behaviour", ["enrol", "allow"])
@pytest.mark.parametrize(
    ("had", "chosen"),
    [
        (_by_mailed_codes, {}),
        (_by_app, {"TwoFactor__CodeGeneration": "internal"}),
        (_by_phone, {"TwoFactor__PhoneField": "none", "TwoFactor__Policy": "required"}),
    ],
)
def test_a_changed_address_or_setting_is_no_way_into_another_administrators_account(
    door: Door,
    ada: User,
    eve: User,
    acme: Company,
    clock: Time,
    post: Post,
    had: Callable[..., None],
    chosen: dict[str, Any],
    behaviour: str,
) -> None:
    had(door, ada, post)
    configure(acme, TwoFactor__NoVerifiedContactBehaviour=behaviour, **chosen)
    clock.forward(days=9)
    assert Api(eve).patch(f"users/{ada.uid}/", {"email": MINE}).status_code == 200
    assert set_password(ada, WORDS, must_change=False, by=cast.acting(eve), now=clock()) is None
    thief = door.stranger()
    said = sign_in(thief, MINE, WORDS)
    assert said.step in {"ended", "code", "method"}, said
    assert thief.take("enrol", kind="email").step != "done"
    assert not thief.is_in()


def test_a_verification_service_that_another_one_names_is_no_second_factor_of_an_administrator(
    door: Door, ada: User, eve: User, acme: Company, clock: Time, service: Service
) -> None:
    given_passkey(ada, device_of())
    configure(acme, TwoFactor__WebServiceUrlProduction=service.url)
    assert set_password(ada, WORDS, must_change=False, by=cast.acting(eve), now=clock()) is None
    said = sign_in(door, ADA, WORDS)
    assert said.step == "passkey", said
    assert door.take("method", method="webservice:app").step != "code"
    assert not door.is_in()


def test_who_has_nothing_but_the_service_is_asked_by_it(
    door: Door, ada: User, acme: Company, service: Service
) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    configure(acme, TwoFactor__WebServiceUrlProduction=service.url, TwoFactor__Policy="required")
    assert sign_in(door, ADA, PASSWORD).step in {"method", "code"}

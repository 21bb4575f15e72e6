"""External people who do the same thing many times at once, on databases that really lock."""

from collections import Counter

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from pytest_django import Settings

from accounts import external
from accounts.models import Session, User
from audit.record import Origin
from configserver import service, services
from configserver.models import Person
from configserver.service import PasswordSet
from configserver.services import PersonDraft
from configserver.values import Identity
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tenants.settings import snapshot
from tests import directory
from tests.attacks.parallel import at_once
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.stage import PASSWORD, configure

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
TIMES = 12


@pytest.fixture
def dora(settings: Settings) -> Person:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    acme = Company.objects.create(name="Acme")
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    return directory.person("dora", tenant=tenant, password=PASSWORD, email="dora@acme.example")


def test_the_first_sign_in_made_many_times_at_once_makes_one_account(dora: Person) -> None:
    said = at_once(
        lambda number: sign_in(ApiDoor(address=f"192.0.2.{number}"), "dora", PASSWORD), times=TIMES
    )
    assert Counter(one.step for one in said)["done"] >= 1
    assert {one.step for one in said} <= {"done", "password"}
    assert User.objects.filter(source_id=dora.uid).count() == 1
    assert not [one for one in said if one.status >= 500]


def test_loading_at_once_with_other_facts_leaves_the_last_of_them_whole(dora: Person) -> None:
    def load(number: int) -> User | Denied:
        services.change_person(
            dora, PersonDraft(email=f"dora{number}@acme.example"), by=system_actor(), now=timezone.now()
        )
        found = service.authenticate("dora", PASSWORD, environment=snapshot(None), now=timezone.now())
        assert isinstance(found, Identity)
        return external.load(found, origin=Origin(), now=timezone.now())

    at_once(load, times=TIMES)
    assert User.objects.filter(source_id=dora.uid).count() == 1


def test_of_many_new_passwords_at_once_one_is_taken(dora: Person) -> None:
    def change(number: int) -> object:
        return service.set_password(
            dora.uid,
            version=1,
            current=PASSWORD,
            new=f"two kettles under the bridge {number}",
            environment=snapshot(None),
            now=timezone.now(),
        )

    results = at_once(change, times=TIMES)
    assert sum(isinstance(one, PasswordSet) for one in results) == 1
    dora.refresh_from_db()
    assert dora.version == 2
    assert dora.used_passwords.count() == 1


def test_switching_off_at_once_with_sign_ins_leaves_nobody_in(dora: Person) -> None:
    def act(number: int) -> str:
        if number == 0:
            services.change_person(dora, PersonDraft(is_active=False), by=system_actor(), now=timezone.now())
            return ""
        door = ApiDoor(address=f"192.0.2.{number}")
        sign_in(door, "dora", PASSWORD)
        return door.access

    tokens = [one for one in at_once(act, times=TIMES) if one]
    for token in tokens:
        door = ApiDoor()
        door.access = token
        assert not door.is_in()
    for session in Session.objects.filter(ended_at=None).select_related("user__company"):
        assert not session.user.may_sign_in


def test_a_name_that_passes_to_somebody_else_at_once_with_a_sign_in_is_never_two_accounts(
    dora: Person,
) -> None:
    sign_in(ApiDoor(), "dora", PASSWORD)
    by, now = system_actor(), timezone.now()
    services.change_person(dora, PersonDraft(name="dora.old"), by=by, now=now)
    twin = Person(tenant=dora.tenant, name="dora", display_name="Another Dora")
    twin.password, twin.password_changed_at = make_password("another lantern at sea 9"), now
    twin.save()

    def act(number: int) -> object:
        name, password = ("dora", "another lantern at sea 9") if number % 2 else ("dora.old", PASSWORD)
        return sign_in(ApiDoor(address=f"192.0.2.{number}"), name, password)

    said = at_once(act, times=8)
    assert not [one for one in said if one.status >= 500]  # type: ignore[attr-defined]
    assert User.objects.get(source_id=dora.uid).username == "dora.old"
    assert User.objects.get(source_id=twin.uid).username == "dora"

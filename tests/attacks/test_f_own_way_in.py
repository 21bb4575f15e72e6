"""F. Too much power: a session held for a moment that lets its holder keep the account of an external administrator."""

from typing import Any

import pytest
from django.utils import timezone

from configserver import services
from configserver.directory import Directory
from configserver.models import Person, Tenant
from configserver.services import PersonDraft
from core.outcomes import Denied
from tenants.actor import Actor
from tests import cast, directory
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.ldap_stage import shadow
from tests.services.ldap import password_of

pytestmark = pytest.mark.django_db
ADMINISTRATOR = [("Gatehouse", name) for name in ("Users - View", "Users - Manage")]


@pytest.fixture
def edna(ldap: Directory, acme_tenant: Tenant) -> Person:
    """Administers the people of Acme, and is kept in the directory as Dora."""
    role = directory.role("Administrator of people", privileges=ADMINISTRATOR, opens=["user"])
    return directory.person("edna", tenant=acme_tenant, directory=ldap, external_id="dora", roles=[role])


@pytest.fixture
def acting(edna: Person) -> Actor:
    """Whoever holds her session at the moment."""
    assert sign_in(ApiDoor(), "edna", password_of("dora")).step == "done"
    return cast.acting(shadow("edna"))


@pytest.mark.parametrize(
    "draft",
    [
        {"external_id": "egon"},
        {"external_id": ""},
        {"email": "mallory@evil.example"},
        {"phone": "+4915112345678"},
        {"directory": None},
    ],
    ids=str,
)
def test_nobody_leads_the_own_account_to_another_password_or_mailbox(
    edna: Person, acting: Actor, draft: dict[str, Any]
) -> None:
    refused = services.change_person(edna, PersonDraft(**draft), by=acting, now=timezone.now())
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("own_account", next(iter(draft)))
    harmless = PersonDraft(display_name="Edna M.")
    assert isinstance(services.change_person(edna, harmless, by=acting, now=timezone.now()), Person)


def test_nor_to_another_entry_of_the_directory(edna: Person, acting: Actor) -> None:
    edna.refresh_from_db()
    refused = services.forget_entry(edna, by=acting, now=timezone.now())
    assert isinstance(refused, Denied)
    assert refused.code == "own_account"

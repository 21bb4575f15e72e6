"""J. Denial of service by what directories say: every value is bounded by the place where it is kept."""

import pytest
from django.utils import timezone

from configserver import services
from configserver.directory import Directory
from configserver.models import Person, Tenant
from core.outcomes import Denied
from tenants.actor import system_actor
from tests import directories, directory
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.ldap_stage import shadow
from tests.services import ldap_admin
from tests.services.ldap import DORA, Ldap, password_of

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.mark.parametrize("length", [20, 21, 40, 41])
def test_a_long_phone_number_keeps_nobody_out(api: ApiDoor, dora: Person, server: Ldap, length: int) -> None:
    """PostgreSQL refuses what is too long for its column, where SQLite keeps it."""
    number = "+49 " + "1" * (length - 4)
    ldap_admin.change(server, DORA, telephoneNumber=number)
    assert sign_in(api, "dora", password_of("dora")).step == "done"
    assert shadow("dora").phone == (number if length <= 20 else "")


@pytest.mark.parametrize("length", [120, 255])
def test_nor_does_a_long_id_of_the_entry(
    api: ApiDoor, server: Ldap, acme_tenant: Tenant, length: int
) -> None:
    ldap_admin.change(server, DORA, description="x" * length)
    found: Directory = directories.ldap(server, entry_attribute="description")
    person = directory.person("dora", tenant=acme_tenant, directory=found)
    assert sign_in(api, "dora", password_of("dora")).step == "done"
    person.refresh_from_db()
    assert person.entry == "x" * length
    ldap_admin.change(server, DORA, description="x" * (length - 1) + "y")
    assert sign_in(api.stranger(), "dora", password_of("dora")).refused


def test_nor_is_a_server_taken_whose_name_no_row_can_hold() -> None:
    """The look-out for all directories writes one row for each server, and all of them at once."""
    draft = services.DirectoryDraft(
        name="Long",
        protocol="ldap",
        servers=f"ldaps://{'a' * 300}.example",
        base_dn="dc=example,dc=org",
    )
    refused = services.create_directory(draft, by=system_actor(), now=timezone.now())
    assert isinstance(refused, Denied)
    assert refused.field == "servers"

"""People of a Configuration Server on another machine: through both doors, with one server gone, and with both."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.names import Realm
from audit.models import AuditEvent
from configserver import services
from configserver.engines.servers import REST_SECONDS
from configserver.models import Person
from configserver.services import PersonDraft
from core.models import Epoch
from tenants.actor import system_actor
from tenants.models import Company
from tenants.settings import snapshot
from tests import directory
from tests.journeys.doors import Door, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, configure
from tests.journeys.test_ldap import MORE_THAN_THE_LIMIT, UNAVAILABLE
from tests.services.configserver import Remote, config_servers

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def servers(django_db_setup: None, django_db_blocker: Any) -> Iterator[Remote]:
    with django_db_blocker.unblock(), config_servers(2) as found:
        yield found


@pytest.fixture(autouse=True)
def remote(servers: Remote, empty_caches: None) -> Remote:
    for one in servers.servers:
        if not one.is_up:
            one.start()
    Epoch.objects.update_or_create(pk=1, defaults={"version": time.time_ns()})
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    servers.use()
    return servers


@pytest.fixture
def dora(acme: Company, remote: Remote) -> Person:
    role = directory.role("Contact Centre Agent", privileges=[("Workspace", "Agent - Can Monitor Co-browse")])
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    return directory.person("dora", tenant=tenant, password=PASSWORD, roles=[role], email="dora@acme.example")


def shadow() -> User:
    return User.objects.get(realm=Realm.EXTERNAL, login_key="dora")


def test_dora_signs_in_with_what_the_server_says_of_her(door: Door, dora: Person, acme: Company) -> None:
    assert sign_in(door, "dora", PASSWORD).step == "done"
    assert door.is_in()
    user = shadow()
    assert (user.source_id, user.company, user.has_usable_password()) == (dora.uid, acme, False)
    assert [role["name"] for role in user.loaded["roles"]] == ["Contact Centre Agent"]


def test_who_is_switched_off_over_there_is_out(door: Door, dora: Person) -> None:
    assert sign_in(door, "dora", PASSWORD).step == "done"
    services.change_person(dora, PersonDraft(is_active=False), by=system_actor(), now=timezone.now())
    assert not door.is_in()
    assert sign_in(door, "dora", PASSWORD).refused


def test_a_due_change_is_made_over_there(door: Door, dora: Person) -> None:
    Person.objects.update(must_change_password=True)
    assert sign_in(door, "dora", PASSWORD).step == "change-password"
    said = door.take("change-password", current_password=PASSWORD, new_password="short")
    assert (said.step, said.refused, "12" in said.text) == ("change-password", True, True)
    said = door.take("change-password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert said.step == "done", said
    dora.refresh_from_db()
    assert not dora.must_change_password
    assert door.is_in()


def test_with_the_primary_gone_the_backup_answers(door: Door, dora: Person, remote: Remote) -> None:
    remote.servers[0].kill()
    assert sign_in(door, "dora", PASSWORD).step == "done"
    assert door.is_in()


def test_with_both_gone_it_is_said_nothing_is_counted_and_internal_people_sign_in(
    door: Door, dora: Person, ben: User, remote: Remote
) -> None:
    for one in remote.servers:
        one.kill()
    for _ in range(MORE_THAN_THE_LIMIT):
        said = sign_in(door, "dora", PASSWORD)
        assert UNAVAILABLE in said.text
    assert sign_in(door.stranger(), "ben@acme.example", PASSWORD).step == "done"
    events = AuditEvent.objects.filter(event="login:directory:unavailable")
    assert events.count() == MORE_THAN_THE_LIMIT
    remote.servers[0].start()
    time.sleep(REST_SECONDS)
    assert sign_in(door, "dora", PASSWORD).step == "done"


def test_a_rule_of_the_tenant_over_there_holds_for_internal_people_of_its_company(
    dora: Person, ben: User, acme: Company
) -> None:
    rule = "security-authentication-rules.password-min-length"
    configure(Login__Security__Strict=True)
    assert snapshot(acme.pk)[rule] == 0
    services.change_tenant(
        dora.tenant, services.TenantDraft(rules={rule: 20}), by=system_actor(), now=timezone.now()
    )
    assert snapshot(acme.pk)[rule] == 20

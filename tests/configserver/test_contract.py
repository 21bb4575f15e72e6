"""One contract for two shapes: what the Configuration Server answers is the same embedded in the portal and on another machine."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from configserver import service, services, tree, where
from configserver.choice import INTERNAL
from configserver.contract import About, ConfigurationServer, PasswordSet, Summary
from configserver.engines.base import Refused
from configserver.models import Person, Tenant
from configserver.services import PersonDraft
from configserver.values import Identity, Question
from core.models import Epoch
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.settings import snapshot
from tests import directory
from tests.services.configserver import Remote, config_servers
from tests.services.radius import CODE, OTP, SECRET, Radius, freeradius

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
PASSWORD, OTHER = "a lantern in the harbour 7", "two kettles under the bridge 8"


@pytest.fixture(scope="module")
def far(django_db_setup: None, django_db_blocker: Any) -> Iterator[Remote]:
    with django_db_blocker.unblock(), config_servers() as servers:
        yield servers


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Epoch.objects.update_or_create(pk=1, defaults={"version": time.time_ns()})


@pytest.fixture(params=["embedded", "remote"])
def server(request: pytest.FixtureRequest, fresh: None) -> ConfigurationServer:
    """Each of the two shapes in turn."""
    if request.param == "remote":
        request.getfixturevalue("far").use()
        assert where.server() is not service
    else:
        assert where.server() is service
    return where.server()


@pytest.fixture
def dora(server: ConfigurationServer) -> Person:
    role = directory.role("Agent", privileges=[("Workspace", "Chat"), ("Other", "Thing")], opens=["user"])
    tenant = directory.tenant(directory.ACME_DBID)
    return directory.person(
        "dora", tenant=tenant, password=PASSWORD, roles=[role], email="dora@acme.example", phone="+493012345"
    )


def proof(server: ConfigurationServer, name: str, password: str) -> Any:
    return server.authenticate(name, password, environment=snapshot(None), now=timezone.now())


def new_password(server: ConfigurationServer, person: Person, **given: Any) -> Any:
    values = {"version": person.version, "current": PASSWORD, "new": OTHER} | given
    return server.set_password(person.uid, **values, environment=snapshot(None), now=timezone.now())


def test_a_right_password_tells_everything(server: ConfigurationServer, dora: Person) -> None:
    found = proof(server, " DORA ", PASSWORD)
    assert isinstance(found, Identity)
    assert found == service.authenticate("dora", PASSWORD, environment=snapshot(None), now=timezone.now())
    assert (found.id, found.tenant, found.engine) == (dora.uid, directory.ACME_DBID, INTERNAL)
    assert found.roles[0].privileges == {("Workspace", "Chat"), ("Other", "Thing")}


@pytest.mark.parametrize("who", ["nobody", "wrong", "off", "tenant-off"])
def test_every_refusal_is_the_same(server: ConfigurationServer, dora: Person, who: str) -> None:
    if who == "off":
        Person.objects.update(is_active=False)
    if who == "tenant-off":
        dora.tenant.is_active = False
        dora.tenant.save()
    found = proof(server, "nobody" if who == "nobody" else "dora", OTHER if who == "wrong" else PASSWORD)
    assert isinstance(found, Refused)
    assert found.told == ""


@pytest.mark.parametrize("name", ["", "*", "do*ra", "dora\0", "d" * 4_000, "\ud800", "Дора", '"}'])
def test_a_name_is_data(server: ConfigurationServer, dora: Person, name: str) -> None:
    assert isinstance(proof(server, name, PASSWORD), Refused)


def test_a_due_change_is_said_and_ends_with_the_new_password(
    server: ConfigurationServer, dora: Person
) -> None:
    Person.objects.update(must_change_password=True)
    found = proof(server, "dora", PASSWORD)
    assert isinstance(found, Identity)
    assert (found.must_change, found.may_change) == (True, True)
    assert new_password(server, dora) == PasswordSet(version=dora.version + 1)
    assert isinstance(proof(server, "dora", PASSWORD), Refused)
    found = proof(server, "dora", OTHER)
    assert isinstance(found, Identity)
    assert (found.must_change, found.version) == (False, dora.version + 1)


def test_a_new_password_is_refused_with_its_reason(server: ConfigurationServer, dora: Person) -> None:
    assert isinstance(new_password(server, dora, current=OTHER), Refused)
    assert isinstance(
        server.set_password(
            uuid4(), version=1, current="a", new="b", environment=snapshot(None), now=timezone.now()
        ),
        Refused,
    )
    short = new_password(server, dora, new="short")
    assert isinstance(short, Denied)
    assert (short.code, short.field) == ("password_rules", "new_password")
    assert "12" in str(short.message)
    stale = new_password(server, dora, version=dora.version - 1)
    assert isinstance(stale, Denied)
    assert stale.code == "conflict"
    assert isinstance(proof(server, "dora", PASSWORD), Identity)


def test_what_is_known_of_a_person(server: ConfigurationServer, dora: Person) -> None:
    found = server.about(dora.uid, environment=snapshot(None))
    assert isinstance(found, About)
    assert (found.engine, found.login, found.may_change) == (INTERNAL, "dora", True)
    assert found.rules
    assert server.about(uuid4(), environment=snapshot(None)) is None
    elsewhere = directory.ldap("elsewhere")
    directory.person("lena", tenant=dora.tenant, directory=elsewhere, external_id="l.ena")
    lena = Person.objects.get(name="lena")
    assert server.about(lena.uid, environment=snapshot(None)) == About(
        engine=str(elsewhere.uid), login="l.ena", may_change=False
    )


def test_a_change_is_felt_at_once_as_another_version(server: ConfigurationServer, dora: Person) -> None:
    assert server.version_of(dora.uid) == dora.version
    assert server.version_of(uuid4()) is None
    off = services.change_person(dora, PersonDraft(is_active=False), by=system_actor(), now=timezone.now())
    assert not isinstance(off, Denied)
    assert server.version_of(dora.uid) == dora.version + 1
    assert server.versions_of([dora.uid, uuid4()]) == {dora.uid: dora.version + 1}
    services.delete_person(dora, by=system_actor(), now=timezone.now())
    assert server.version_of(dora.uid) is None


def test_how_far_it_is_filled(server: ConfigurationServer, dora: Person) -> None:
    empty = directory.tenant(202)
    found = server.summary()
    assert isinstance(found, Summary)
    assert (found.package, found.has_roles) == ("", True)
    assert [dbid for dbid, _name in found.peopled] == [directory.ACME_DBID]
    directory.person("gina", tenant=empty)
    assert server.summary() == service.summary()


def test_the_rules_of_tenants_are_told(server: ConfigurationServer, dora: Person) -> None:
    rule = "security-authentication-rules.password-min-length"
    assert server.rules_above(directory.ACME_DBID) == {}
    changed = services.change_tenant(
        dora.tenant, services.TenantDraft(rules={rule: 20}), by=system_actor(), now=timezone.now()
    )
    assert not isinstance(changed, Denied), changed
    assert server.rules_above(directory.ACME_DBID) == {rule: 20}
    assert server.rules_above(12345) == {}
    assert server.rules_above(None) == {}


@pytest.fixture(scope="module")
def radius() -> Iterator[Radius]:
    with freeradius() as one:
        yield one


def test_a_question_of_a_directory_is_passed_on_and_its_answer_back(
    server: ConfigurationServer, dora: Person, radius: Radius
) -> None:
    asks = directory.radius("tokens", servers=radius.name, secret=SECRET)
    directory.person(OTP.name, tenant=dora.tenant, directory=asks)
    for answer, outcome in ((CODE.answer, Identity), ("000000", Refused)):
        found = proof(server, OTP.name, OTP.password)
        assert isinstance(found, Question), found
        assert found.prompt == CODE.prompts[0]
        answered = server.answer(
            found.person, found.state, answer, environment=snapshot(None), now=timezone.now()
        )
        assert isinstance(answered, outcome), answered


def test_rules_are_told_as_they_are_now_and_not_as_they_were_a_moment_ago(fresh: None) -> None:
    tenant, rule = directory.tenant(directory.ACME_DBID), "security-authentication-rules.password-min-length"
    assert tree.every_rule() == {}
    Tenant.objects.filter(pk=tenant.pk).update(rules={rule: 20})  # no cache has heard of it
    assert tree.every_rule() == {directory.ACME_DBID: {rule: 20}}

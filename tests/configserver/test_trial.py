"""The test of a directory and the explanation that asks one, against a real OpenLDAP."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.health import Certificate, State, certificate_at, health_of
from configserver.health_checks import check_servers
from configserver.models import Directory, Person, Role, Tenant
from configserver.trial import Trial, try_directory
from core import epoch
from core.db import unit
from core.findings import Finding, Verdict
from tenants.models import Company
from tests import directory
from tests.cast import acting
from tests.journeys.stage import configure
from tests.services.ldap import (
    AGENTS,
    DORA,
    GROUPS,
    PEOPLE,
    SERVICE,
    SERVICE_PASSWORD,
    SUPERVISORS,
    Ldap,
    ldap_machine,
)
from twofactor.explain import explain_sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def ldap() -> Iterator[Ldap]:
    with ldap_machine() as machine:
        yield machine


@pytest.fixture
def agent(db: None) -> Role:
    return directory.role("Agent")


@pytest.fixture
def acme_tenant(acme: Company) -> Tenant:
    return directory.tenant(directory.ACME_DBID, name="Acme", company=acme)


@pytest.fixture
def office(ldap: Ldap, agent: Role, acme_tenant: Tenant) -> Directory:
    return directory.directory(
        protocol="ldap",
        servers=f"{ldap.secure_url}\n{ldap.url}",
        ca_certificates=ldap.authority,
        bind_dn=SERVICE,
        secret=SERVICE_PASSWORD,
        base_dn=PEOPLE,
        group_base=GROUPS,
        nested_groups=True,
        tenant_attribute="o",
        connect_timeout_ms=2_000,
        timeout_ms=5_000,
        groups=[(AGENTS, agent), (SUPERVISORS, directory.role("Supervisor", rank=40))],
        tenant_values=[("Acme", acme_tenant)],
    )


def _tried(one: Directory, by: User, *, login: str = "") -> Trial:
    trial = try_directory(one, login=login, by=acting(by), now=timezone.now())
    assert isinstance(trial, Trial), trial
    return trial


def test_every_step_of_every_server_is_walked_and_the_mapping_told(root: User, office: Directory) -> None:
    trial = _tried(office, root, login="dora")
    steps = ["resolve", "connect", "tls", "bind", "search", "map"]
    assert [[check.step for check in one.checks] for one in trial.servers] == [steps, steps]
    assert trial.ok
    assert trial.found is not None
    assert trial.found.display_name == "Dora Müller"
    assert trial.mapped is not None
    assert [role.name for role in trial.mapped.roles] == ["Supervisor", "Agent"]
    assert str(trial.mapped.tenant) == "Acme (101)"
    assert all(one.certificate_expires_at for one in trial.servers)
    assert SERVICE_PASSWORD not in str(trial)
    assert SERVICE_PASSWORD not in str(AuditEvent.objects.get(event=Event.DIRECTORY_TESTED).details)


def test_a_value_without_a_tenant_and_a_name_without_an_entry_are_told(root: User, office: Directory) -> None:
    trial = _tried(office, root, login="egon")
    assert trial.mapped is not None
    assert (trial.mapped.value, trial.mapped.tenant) == ("Globex", None)
    nobody = _tried(office, root, login="nobody")
    assert (nobody.found, nobody.mapped, nobody.ok) == (None, None, False)
    assert nobody.servers[0].checks[-1].step == "search"
    connection = _tried(office, root)
    assert connection.ok
    assert connection.mapped is None


def test_a_wrong_password_of_the_service_account_fails_at_the_bind(root: User, office: Directory) -> None:
    wrong = directory.directory(
        "Wrong", protocol="ldap", servers=office.server_names[0], ca_certificates=office.ca_certificates,
        bind_dn=SERVICE, secret="of-nobody", base_dn=PEOPLE, timeout_ms=5_000, connect_timeout_ms=2_000,
    )  # fmt: skip
    (server,) = _tried(wrong, root).servers
    assert (server.checks[-1].step, server.ok) == ("bind", False)


def test_the_clock_sees_certificates(office: Directory) -> None:
    now = timezone.now()
    assert check_servers(now=now) == 2
    health = health_of(office, office.seen.all(), now=now)
    assert health.state is State.ANSWERS
    assert certificate_at(health.certificate_expires_at, now=now) is Certificate.SOON
    with ldap_machine(valid=timedelta(seconds=-60)) as old:
        expired = directory.directory(
            "Old", protocol="ldap", servers=old.secure_url, ca_certificates=old.authority, bind_dn=SERVICE,
            secret=SERVICE_PASSWORD, base_dn=PEOPLE, timeout_ms=5_000, connect_timeout_ms=2_000,
        )  # fmt: skip
        later = now + timedelta(minutes=1)
        check_servers(now=later)
    health = health_of(expired, expired.seen.all(), now=later)
    assert health.state is State.SILENT
    assert certificate_at(health.certificate_expires_at, now=later) is Certificate.OVER
    assert expired.seen.get().failed_step == "tls"


# --- explain, asking ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def dora(office: Directory, acme_tenant: Tenant) -> Person:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    Tenant.objects.filter(pk=acme_tenant.pk).update(library="directory", directory=office, enforce="true")
    with unit():
        epoch.bump()
    return directory.person("dora", tenant=acme_tenant)


def _explained(by: User, *, ask: bool = True) -> list[Finding]:
    return list(explain_sign_in("dora", ask=ask, by=acting(by), now=timezone.now()))


def test_asked_now_the_directory_adds_roles_and_tenant(root: User, dora: Person) -> None:
    by_name = {one.about: one for one in _explained(root, ask=False)}
    assert "groups of the directory may give some" in by_name["roles"].sentence
    found = _explained(root)
    sentences = " ".join(one.sentence for one in found)
    for word in (DORA, "Supervisor, Agent", "“Acme”: the tenant Acme (101)"):
        assert word in sentences
    assert [one for one in found if one.verdict is Verdict.STOP] == []
    assert AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).count() == 1


def test_another_entry_under_the_name_is_told(root: User, dora: Person) -> None:
    Person.objects.update(entry="the-entry-of-somebody-else")
    stops = [one for one in _explained(root) if one.verdict is Verdict.STOP]
    assert [one.about for one in stops] == ["entry"]


def test_a_name_that_the_directory_does_not_have_is_told(root: User, dora: Person) -> None:
    Person.objects.update(external_id="nobody")
    stops = [one for one in _explained(root) if one.verdict is Verdict.STOP]
    assert [one.about for one in stops] == ["search"]
    assert "No entry has this name" in stops[0].sentence


def test_a_tenant_of_the_directory_that_is_switched_off_is_told(root: User, dora: Person) -> None:
    other = directory.tenant(500, name="Other", is_active=False)
    Directory.objects.get().tenant_values.update(tenant=other)
    with unit():
        epoch.bump()
    assert "tenant" in [one.about for one in _explained(root) if one.verdict is Verdict.STOP]

"""Tenants in the administration: who proves passwords, rules with what stands above them, and ENVIRONMENT."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.directory import Protocol
from configserver.models import ENVIRONMENT_DBID, Directory, Person, Tenant
from configserver.options import tenant_rules
from tenants import settings
from tenants.models import Company, Permission, Privilege, Role
from tests import directory
from tests.cast import FULL, Browse, person
from tests.journeys.stage import configure

LIST, ADD = "admin:configserver_tenant_changelist", "admin:configserver_tenant_add"
CHANGE, DELETE = "admin:configserver_tenant_change", "admin:configserver_tenant_delete"
LENGTH, DIGIT, DAYS = (
    f"security-authentication-rules.{name}"
    for name in ("password-min-length", "password-req-number", "password-expiration")
)


@pytest.fixture
def environment(db: None) -> Tenant:
    return Tenant.objects.get(dbid=ENVIRONMENT_DBID)


@pytest.fixture
def holding(db: None) -> Tenant:
    return directory.tenant(100, name="Holding", rules={DIGIT: True})


@pytest.fixture
def acme_tenant(acme: Company, holding: Tenant) -> Tenant:
    return directory.tenant(
        directory.ACME_DBID, name="Acme tenant", company=acme, parent=holding, rules={LENGTH: 16}
    )


def _radius() -> Directory:
    return Directory.objects.create(name="Acme RADIUS", protocol=Protocol.RADIUS, servers="127.0.0.1:1812")


def _body(tenant: Tenant, **changes: object) -> dict[str, object]:
    return {
        "dbid": tenant.dbid,
        "name": tenant.name,
        "parent": tenant.parent_id or "",
        "is_active": "on" if tenant.is_active else "",
        "library": tenant.library,
        "directory": tenant.directory_id or "",
        "enforce": tenant.enforce,
        "inherits": "on" if tenant.inherits else "",
        **{name: str(value).lower() for name, value in tenant.rules.items()},
    } | changes


def _errors(answer: object) -> dict[str, str]:
    errors = answer.context["adminform"].form.errors  # type: ignore[attr-defined]
    return {name: " ".join(map(str, found)) for name, found in errors.items()}


def _help(answer: object, name: str) -> str:
    return str(answer.context["adminform"].form.fields[name].help_text)  # type: ignore[attr-defined]


def _helper(*names: str) -> User:
    """Somebody who sees everything, with these privileges."""
    found = person("helper@portal.example", company=None, role=FULL)
    role = Role.objects.create(name="Helper", rank=100)
    role.privileges.set(Privilege.objects.filter(name__in=["Administration - Open", *names]))
    Permission.objects.create(role=role, kind="*", reach="every")
    found.roles.set([role])
    return found


def test_a_tenant_is_added_below_environment_or_another(
    browser: Browse, root: User, environment: Tenant, holding: Tenant
) -> None:
    page = browser(root)
    body = {"dbid": 101, "name": "Acme tenant", "is_active": "on"}
    assert page.post(reverse(ADD), body).status_code == 302
    assert page.post(reverse(ADD), body | {"dbid": 102, "name": "B", "parent": holding.pk}).status_code == 302
    assert Tenant.objects.get(dbid=101).parent == environment
    assert Tenant.objects.get(dbid=102).parent == holding
    assert AuditEvent.objects.filter(event=Event.TENANT_CREATED).count() == 2


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"dbid": 100}, "dbid", "with this DBID already"),
        ({"dbid": 0}, "dbid", "whole number from 1"),
        ({"dbid": 2_147_483_648}, "dbid", ""),
        ({"dbid": "x"}, "dbid", "whole number"),
        ({"name": "Holding"}, "name", "of this name already"),
        ({"name": " "}, "name", "required"),
        ({"library": "directory"}, "directory", "Name a directory"),
        ({"library": "nonsense"}, "library", "not one of the available choices"),
        ({"enforce": "maybe"}, "enforce", "not one of the available choices"),
        ({"parent": 999_999}, "parent", "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_new_tenant_is_said_on_its_field(
    change: dict[str, object], field: str, said: str, browser: Browse, root: User, holding: Tenant
) -> None:
    answer = browser(root).post(reverse(ADD), {"dbid": 101, "name": "Acme tenant"} | change)
    assert answer.status_code == 200
    assert said in _errors(answer)[field]
    assert Tenant.objects.count() == 2


def test_a_tenant_cannot_stand_below_itself(
    browser: Browse, root: User, holding: Tenant, acme_tenant: Tenant
) -> None:
    body = _body(holding, parent=acme_tenant.pk)
    answer = browser(root).post(reverse(CHANGE, args=[holding.pk]), body)
    assert "below itself" in _errors(answer)["parent"]


# --- rules ------------------------------------------------------------------------------------------------------------------


def test_every_rule_has_a_field_that_says_what_is_in_force_and_where_it_comes_from(
    browser: Browse, root: User, acme_tenant: Tenant
) -> None:
    configure(security_authentication_rules__password_expiration=90)
    answer = browser(root).get(reverse(CHANGE, args=[acme_tenant.pk]))
    form = answer.context["adminform"].form
    for name in tenant_rules():
        assert "In force:" in _help(answer, name)
        assert name in _help(answer, name)
    assert "In force: 16, set here. Empty: 0." in _help(answer, LENGTH)
    assert "In force: on, from the tenant Holding." in _help(answer, DIGIT)
    assert "In force: 90 days, from ENVIRONMENT, whose rules are the settings." in _help(answer, DAYS)
    others = set(tenant_rules()) - {LENGTH, DIGIT, DAYS}
    assert all("the default." in _help(answer, name) for name in others)
    assert form[LENGTH].value() == "16"
    assert form[DIGIT].value() == ""
    assert form.fields[DIGIT].choices[0] == ("", "As above: on")


def test_a_rule_is_set_changed_and_left_to_the_tenant_above(
    browser: Browse, root: User, acme_tenant: Tenant
) -> None:
    page, address = browser(root), reverse(CHANGE, args=[acme_tenant.pk])
    body = _body(acme_tenant, **{LENGTH: "", DIGIT: "false", DAYS: "30"})
    assert page.post(address, body).status_code == 302
    acme_tenant.refresh_from_db()
    assert acme_tenant.rules == {DIGIT: False, DAYS: 30}
    answer = page.get(address)
    assert "In force: off, set here. Empty: on." in _help(answer, DIGIT)
    assert "In force: 0, the default." in _help(answer, LENGTH)
    row = AuditEvent.objects.get(event=Event.TENANT_CHANGED)
    assert row.details["fields"] == ["rules"]


def test_a_tenant_that_takes_nothing_from_above_has_the_defaults(
    browser: Browse, root: User, acme_tenant: Tenant
) -> None:
    configure(security_authentication_rules__password_expiration=90)
    page, address = browser(root), reverse(CHANGE, args=[acme_tenant.pk])
    assert page.post(address, _body(acme_tenant, inherits="")).status_code == 302
    answer = page.get(address)
    for name, value in ((DIGIT, "off"), (DAYS, "0 days")):
        assert f"In force: {value}, the default, for this tenant takes nothing from above." in _help(
            answer, name
        )
    assert "In force: 16, set here." in _help(answer, LENGTH)
    below = directory.tenant(103, name="Below", parent=acme_tenant)
    said = _help(page.get(reverse(CHANGE, args=[below.pk])), DAYS)
    assert "the default, for the tenant Acme tenant takes nothing from above" in said


@pytest.mark.parametrize("value", ["99", "-1", "x", "1.5"])
def test_a_rule_out_of_bounds_is_said_on_its_field(
    value: str, browser: Browse, root: User, acme_tenant: Tenant
) -> None:
    page, address = browser(root), reverse(CHANGE, args=[acme_tenant.pk])
    answer = page.post(address, _body(acme_tenant, **{LENGTH: value}))
    assert "from 0 to 64" in _errors(answer)[LENGTH]
    assert answer.context["adminform"].form[LENGTH].value() == value
    acme_tenant.refresh_from_db()
    assert acme_tenant.rules == {LENGTH: 16}


def test_a_pinned_rule_is_shown_and_cannot_be_set(
    browser: Browse, root: User, acme_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "pinned", lambda: {LENGTH: 20})
    page, address = browser(root), reverse(CHANGE, args=[acme_tenant.pk])
    assert "In force: 20, pinned by the environment" in _help(page.get(address), LENGTH)
    assert page.post(address, _body(acme_tenant, **{LENGTH: "18"})).status_code == 302
    acme_tenant.refresh_from_db()
    assert acme_tenant.rules == {LENGTH: 16}


def test_that_no_rule_counts_while_the_setting_is_off_is_said(
    browser: Browse, root: User, acme_tenant: Tenant
) -> None:
    page, address = browser(root), reverse(CHANGE, args=[acme_tenant.pk])
    off = "because the setting Login.Security.Strict is off"
    assert off in page.get(address).content.decode()
    configure(Login__Security__Strict=True)
    assert off not in page.get(address).content.decode()


# --- ENVIRONMENT ---------------------------------------------------------------------------------------------------------------


def test_environment_has_no_fields_for_rules_and_leads_to_the_settings(
    browser: Browse, root: User, environment: Tenant
) -> None:
    configure(security_authentication_rules__password_min_length=14)
    answer = browser(root).get(reverse(CHANGE, args=[environment.pk]))
    assert set(answer.context["adminform"].form.fields) == {"name", "library", "directory", "enforce"}
    text = answer.content.decode()
    assert "nothing said: the Configuration Server itself" in text
    assert reverse("admin:tenants_settingsrevision_everywhere") in text
    [panel] = [one for one in answer.context["panels"] if one.title == "Rules about passwords"]
    assert len(panel.rows) == len(tenant_rules())
    assert any(row[1:] == ("14", "from ENVIRONMENT, whose rules are the settings") for row in panel.rows)
    assert reverse(DELETE, args=[environment.pk]) not in text


def test_environment_keeps_number_place_and_rules_whatever_is_sent(
    browser: Browse, root: User, environment: Tenant, holding: Tenant
) -> None:
    before = Tenant.objects.filter(pk=environment.pk).values().get()
    page, address = browser(root), reverse(CHANGE, args=[environment.pk])
    sent = {"dbid": 7, "parent": holding.pk, "is_active": "", "inherits": "", LENGTH: "20"}
    assert page.post(address, _body(environment, **sent)).status_code == 302
    assert Tenant.objects.filter(pk=environment.pk).values().get() == before
    refused = page.post(reverse(DELETE, args=[environment.pk]), {"post": "yes"})
    assert "ENVIRONMENT is the root of all tenants" in refused.content.decode()
    chosen = {"action": "remove", "_selected_action": [environment.pk], "confirmed": "1"}
    assert "ENVIRONMENT is the root" in page.post(reverse(LIST), chosen).content.decode()
    assert Tenant.objects.filter(pk=environment.pk).exists()


def test_environment_may_say_who_proves_passwords(
    browser: Browse, root: User, environment: Tenant, acme_tenant: Tenant
) -> None:
    radius = _radius()
    body = _body(environment, library="directory", directory=radius.pk, enforce="true")
    page = browser(root)
    assert page.post(reverse(CHANGE, args=[environment.pk]), body).status_code == 302
    rows = {row.name: row.proved_by for row in page.get(reverse(LIST)).context["cl"].result_list}
    assert rows["ENVIRONMENT"] == ("Acme RADIUS", "for all persons")
    assert rows["Acme tenant"] == ("Acme RADIUS", "for all persons, said above")


# --- the list and the page -------------------------------------------------------------------------------------------------------


def test_the_list_shows_who_proves_company_persons_and_state(
    browser: Browse, root: User, holding: Tenant, acme_tenant: Tenant, acme: Company
) -> None:
    Tenant.objects.filter(pk=holding.pk).update(library="directory", directory=_radius(), is_active=False)
    internal = directory.tenant(103, name="Globex tenant", library="internal")
    for name in ("dora", "egon"):
        directory.person(name, tenant=acme_tenant)
    page = browser(root)
    answer = page.get(reverse(LIST))
    rows = {row.name: row for row in answer.context["cl"].result_list}
    acme_row = rows["Acme tenant"]
    assert acme_row.proved_by == ("Acme RADIUS", "for persons with an external id, said above")
    assert (acme_row.person_count, acme_row.company_name) == (2, "Acme")
    assert rows[internal.name].proved_by == ("Configuration Server", "")
    assert rows["Holding"].company_name == "–"
    assert "Off above" in answer.content.decode()
    for query, found in (("Acme", ["Acme tenant"]), ("101", ["Acme tenant"]), ("9" * 30, []), ("Nobody", [])):
        rows_found = page.get(reverse(LIST), {"q": query}).context["cl"].result_list
        assert [row.name for row in rows_found] == found


def test_the_page_shows_company_tenants_below_and_persons(
    browser: Browse, root: User, holding: Tenant, acme_tenant: Tenant, acme: Company
) -> None:
    dora = directory.person("dora", tenant=acme_tenant)
    page = browser(root)
    text = page.get(reverse(CHANGE, args=[acme_tenant.pk])).content.decode()
    assert reverse("admin:tenants_company_change", args=[acme.pk]) in text
    assert reverse("admin:configserver_person_change", args=[dora.pk]) in text
    assert f"tenant__id__exact={acme_tenant.pk}" in text
    text = page.get(reverse(CHANGE, args=[holding.pk])).content.decode()
    assert reverse(CHANGE, args=[acme_tenant.pk]) in text
    assert "by the DBID 100" in text


def test_who_sees_directories_alone_reads_no_company_and_no_person(
    browser: Browse, acme_tenant: Tenant, acme: Company
) -> None:
    directory.person("dora", tenant=acme_tenant)
    page = browser(_helper("Directories - View"))
    answer = page.get(reverse(CHANGE, args=[acme_tenant.pk]))
    text = answer.content.decode()
    assert "dora" not in text
    assert reverse("admin:tenants_company_change", args=[acme.pk]) not in text
    [panel] = [one for one in answer.context["panels"] if one.title == "Rules about passwords"]
    assert ("16", "set here") in [row[1:] for row in panel.rows]
    assert ("on", "from the tenant Holding") in [row[1:] for row in panel.rows]
    assert 'name="_save"' not in text
    assert page.post(reverse(CHANGE, args=[acme_tenant.pk]), _body(acme_tenant)).status_code == 403
    assert page.get(reverse(ADD)).status_code == 403


def test_tenants_do_not_exist_for_the_administrator_of_a_company(
    browser: Browse, ada: User, acme_tenant: Tenant
) -> None:
    everything = Role.objects.create(name="Everything here", company=ada.company, rank=60)
    everything.privileges.set(Privilege.objects.all())
    ada.roles.add(everything)
    page = browser(ada)
    assert page.get(reverse(LIST)).context["cl"].result_count == 0
    for name in ("change", "delete", "history"):
        address = reverse(f"admin:configserver_tenant_{name}", args=[acme_tenant.pk])
        assert page.get(address).status_code == page.post(address, {"post": "yes"}).status_code == 404
    assert page.post(reverse(ADD), {"dbid": 7, "name": "Seven"}).status_code == 403
    asked = {"app_label": "configserver", "model_name": "person", "field_name": "tenant"}
    assert page.get(reverse("admin:autocomplete"), asked).json()["results"] == []


@pytest.mark.parametrize(
    "query", ["rules__icontains=a", "persons__password__startswith=a", "directory__secret__gte=a"]
)
def test_the_list_cannot_be_asked_by_columns_that_it_does_not_offer(
    query: str, browser: Browse, root: User
) -> None:
    assert browser(root).get(f"{reverse(LIST)}?{query}").status_code == 400


def test_a_longer_list_asks_no_more_questions(browser: Browse, root: User) -> None:
    page, counts = browser(root), []
    for turn in range(2):
        for index in range(5):
            company = Company.objects.create(name=f"Company {turn} {index}")
            tenant = directory.tenant(500 + 10 * turn + index, company=company)
            directory.person(f"person-{turn}-{index}", tenant=tenant)
        page.get(reverse(LIST))
        with CaptureQueriesContext(connection) as asked:
            assert page.get(reverse(LIST)).status_code == 200
        counts.append(len([one for one in asked if "core_epoch" not in one["sql"]]))
    assert counts[0] == counts[1]
    assert counts[0] <= 16


# --- deleting ------------------------------------------------------------------------------------------------------------------


def test_a_tenant_in_use_stays_and_an_unused_one_goes(
    browser: Browse, root: User, holding: Tenant, acme_tenant: Tenant
) -> None:
    directory.person("dora", tenant=acme_tenant)
    page = browser(root)
    for tenant in (holding, acme_tenant):
        refused = page.post(reverse(DELETE, args=[tenant.pk]), {"post": "yes"})
        assert "name this tenant" in refused.content.decode()
    Person.objects.all().delete()
    assert page.post(reverse(DELETE, args=[acme_tenant.pk]), {"post": "yes"}).status_code == 302
    assert not Tenant.objects.filter(pk=acme_tenant.pk).exists()
    assert AuditEvent.objects.get(event=Event.TENANT_DELETED).subject_name == "Acme tenant (101)"


def test_a_tenant_switched_off_ends_what_its_persons_had(
    browser: Browse, root: User, holding: Tenant, acme_tenant: Tenant
) -> None:
    dora = directory.person("dora", tenant=acme_tenant)
    body = _body(holding, is_active="")
    assert browser(root).post(reverse(CHANGE, args=[holding.pk]), body).status_code == 302
    dora.refresh_from_db()
    assert dora.version == 2

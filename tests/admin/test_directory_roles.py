"""Roles and permissions of the Configuration Server in the administration."""

import pytest
from django.db.models import Model
from django.urls import reverse

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.directory import DirectoryGroup, Protocol
from configserver.models import Directory, Permission, Person, Role, Tenant
from tenants.models import Company, Kind, Privilege
from tenants.models import Permission as OurPermission
from tenants.models import Role as OurRole
from tests import directory
from tests.cast import FULL, Browse, person

LIST, ADD = "admin:configserver_role_changelist", "admin:configserver_role_add"
CHANGE, DELETE = "admin:configserver_role_change", "admin:configserver_role_delete"
PERMISSIONS, GIVE = "admin:configserver_permission_changelist", "admin:configserver_permission_add"
GIVEN, TAKE = "admin:configserver_permission_change", "admin:configserver_permission_delete"


@pytest.fixture
def agent(db: None) -> Role:
    return directory.role(
        "Contact Centre Agent", privileges=[("Workspace", "Agent - Can Monitor Co-browse")], opens=["session"]
    )


@pytest.fixture
def dora(acme: Company, agent: Role) -> Person:
    tenant = directory.tenant(directory.ACME_DBID, name="Acme tenant", company=acme)
    return directory.person("dora", tenant=tenant, roles=[agent])


def _errors(answer: object) -> dict[str, str]:
    errors = answer.context["adminform"].form.errors  # type: ignore[attr-defined]
    return {name: " ".join(map(str, found)) for name, found in errors.items()}


def helper(*names: str, rank: int = 50) -> User:
    """Somebody of rank 50 who sees everything, with these privileges."""
    found = person("helper@portal.example", company=None, role=FULL)
    role = OurRole.objects.create(name="Helper", rank=rank)
    role.privileges.set(Privilege.objects.filter(name__in=["Administration - Open", *names]))
    OurPermission.objects.create(role=role, kind="*", reach="every")
    found.roles.set([role])
    return found


# --- roles ------------------------------------------------------------------------------------------------------------------


def test_a_role_is_added_with_its_privileges_one_a_line(browser: Browse, root: User) -> None:
    lines = "Workspace: Voice - Can Use\r\n\r\n  Workspace :Chat: Can Use  \nGatehouse: Users - View\n"
    body = {"name": "Supervisor", "rank": 40, "description": "Leads a team.", "privileges": lines}
    assert browser(root).post(reverse(ADD), body).status_code == 302
    role = Role.objects.get(name="Supervisor")
    assert set(role.privileges.values_list("application", "name")) == {
        ("Workspace", "Voice - Can Use"),
        ("Workspace", "Chat: Can Use"),
        ("Gatehouse", "Users - View"),
    }
    assert AuditEvent.objects.filter(event=Event.DIRECTORY_ROLE_CREATED).exists()


def test_a_saved_page_changes_nothing(browser: Browse, root: User, agent: Role) -> None:
    page, address = browser(root), reverse(CHANGE, args=[agent.pk])
    form = page.get(address).context["adminform"].form
    assert form["privileges"].value() is not None
    lines = form.fields["privileges"].prepare_value(form["privileges"].value())
    assert lines == "Workspace: Agent - Can Monitor Co-browse"
    body = {"name": agent.name, "rank": agent.rank, "description": "", "privileges": lines}
    assert page.post(address, body).status_code == 302
    assert agent.privileges.count() == 1
    assert not AuditEvent.objects.filter(event=Event.DIRECTORY_ROLE_CHANGED).exists()


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"name": "Contact Centre Agent"}, "name", "of this name already"),
        ({"rank": 101}, "rank", "from 0 to 100"),
        ({"rank": "x"}, "rank", "whole number"),
        ({"privileges": "Workspace: x\nno colon\n: y"}, "privileges", "missing on line 2, 3"),
        ({"privileges": "\n".join(f"A: {n}" for n in range(2_001))}, "privileges", "too many"),
        ({"privileges": f"A: {'x' * 121}"}, "privileges", "at most 120"),
        ({"description": "x" * 301}, "description", "at most 300"),
    ],
)
def test_what_is_wrong_with_a_role_is_said_on_its_field(
    change: dict[str, object], field: str, said: str, browser: Browse, root: User, agent: Role
) -> None:
    body = {"name": "Supervisor", "rank": 40, "privileges": ""} | change
    answer = browser(root).post(reverse(ADD), body)
    assert said in _errors(answer)[field]
    assert answer.context["adminform"].form["privileges"].value() == body["privileges"]
    assert Role.objects.count() == 1


def test_nobody_makes_or_touches_a_role_above_the_own_rank_or_with_privileges_not_held(
    browser: Browse, agent: Role
) -> None:
    chief = directory.role("Chief", rank=90)
    page = browser(helper("Directories - View", "Directories - Manage"))
    body = {"name": "New", "rank": 60, "privileges": ""}
    assert "above your own rank" in _errors(page.post(reverse(ADD), body))["rank"]
    body = {"name": "New", "rank": 10, "privileges": "Gatehouse: Users - Manage"}
    assert "do not have yourself" in _errors(page.post(reverse(ADD), body))["privileges"]
    body = {"name": "Chief", "rank": 10, "privileges": ""}
    assert "above your own rank" in _errors(page.post(reverse(CHANGE, args=[chief.pk]), body))["rank"]
    refused = page.post(reverse(DELETE, args=[chief.pk]), {"post": "yes"})
    assert "above your own rank" in refused.content.decode()
    body = {"name": "New", "rank": 50, "privileges": "Workspace: whatever"}  # of another system: rank alone
    assert page.post(reverse(ADD), body).status_code == 302
    chief.refresh_from_db()
    assert chief.rank == 90


def test_the_page_shows_package_permissions_persons_and_groups(
    browser: Browse, root: User, agent: Role, dora: Person
) -> None:
    Role.objects.filter(pk=agent.pk).update(package="IA_SPD_Roles")
    ldap = Directory.objects.create(name="Acme LDAP", protocol=Protocol.LDAP, servers="ldaps://ldap.example")
    DirectoryGroup.objects.create(directory=ldap, group="cn=agents,dc=example", role=agent)
    text = browser(root).get(reverse(CHANGE, args=[agent.pk])).content.decode()
    for shown in (
        "IA_SPD_Roles", "sessions", reverse("admin:configserver_person_change", args=[dora.pk]), "cn=agents,dc=example",
        "Acme LDAP", f"{reverse(GIVE)}?role={agent.pk}", f"role={agent.pk}",
    ):  # fmt: skip
        assert shown in text


def test_a_role_in_use_stays_and_an_unused_one_goes(
    browser: Browse, root: User, agent: Role, dora: Person
) -> None:
    page, address = browser(root), reverse(DELETE, args=[agent.pk])
    assert "have this role" in page.post(address, {"post": "yes"}).content.decode()
    dora.roles.clear()
    assert page.post(address, {"post": "yes"}).status_code == 302
    assert not Role.objects.exists()


def test_a_reader_sees_the_privileges_as_lines(browser: Browse, agent: Role) -> None:
    page, address = browser(helper("Directories - View")), reverse(CHANGE, args=[agent.pk])
    text = page.get(address).content.decode()
    assert "Workspace: Agent - Can Monitor Co-browse" in text
    assert "<textarea" not in text
    assert page.post(address, {"name": "x", "rank": 1}).status_code == 403
    assert page.get(reverse(ADD)).status_code == 403


def test_roles_and_permissions_have_no_page_for_the_administrator_of_a_company(
    browser: Browse, ada: User, foreign: dict[str, Model]
) -> None:
    everything = OurRole.objects.create(name="Everything here", company=ada.company, rank=60)
    everything.privileges.set(Privilege.objects.all())
    ada.roles.add(everything)
    page = browser(ada)
    for kind in ("role", "permission"):
        assert page.get(reverse(f"admin:configserver_{kind}_changelist")).context["cl"].result_count == 0
        assert page.post(reverse(f"admin:configserver_{kind}_add"), {"name": "x"}).status_code == 403
        for verb in ("change", "delete", "history"):
            address = reverse(f"admin:configserver_{kind}_{verb}", args=[foreign[f"configserver_{kind}"].pk])
            assert page.get(address).status_code == page.post(address, {"post": "yes"}).status_code == 404


# --- permissions ---------------------------------------------------------------------------------------------------------------


def test_the_kinds_offered_are_those_of_the_portal(browser: Browse, root: User) -> None:
    form = browser(root).get(reverse(GIVE)).context["adminform"].form
    assert {value for value, _label in form.fields["kind"].choices} == {"", *Kind.values}
    assert form.fields["kind"].label == "Kind of object"


def test_a_permission_is_given_changed_and_taken(
    browser: Browse, root: User, agent: Role, dora: Person
) -> None:
    page = browser(root)
    assert page.post(reverse(GIVE), {"role": agent.pk, "kind": "user", "reach": "own"}).status_code == 302
    body = {"person": dora.pk, "kind": "audit", "reach": "one", "tenant": dora.tenant_id}
    assert page.post(reverse(GIVE), body).status_code == 302
    given = Permission.objects.get(person=dora)
    assert (given.kind, given.tenant) == ("audit", dora.tenant)
    address = reverse(GIVEN, args=[given.pk])
    fields = page.get(address).context["adminform"].form.fields
    assert set(fields) == {"kind", "reach", "tenant"}
    assert page.post(address, {"kind": "role", "reach": "every"}).status_code == 302
    given.refresh_from_db()
    assert (given.kind, given.reach, given.tenant, given.person) == ("role", "every", None, dora)
    assert page.post(reverse(TAKE, args=[given.pk]), {"post": "yes"}).status_code == 302
    assert not Permission.objects.filter(pk=given.pk).exists()


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"kind": "user", "reach": "own"}, "person", "a person or a role"),
        ({"kind": "user", "reach": "one"}, "tenant", "Name a tenant"),
        ({"kind": "user", "reach": "every", "tenant": "tenant"}, "tenant", "only then"),
        ({"kind": "nonsense", "reach": "own"}, "kind", "not one of the available choices"),
        ({"kind": "", "reach": "own"}, "kind", "required"),
        ({"kind": "user", "reach": "far"}, "reach", "not one of the available choices"),
    ],
)
def test_what_is_wrong_with_a_permission_is_said_on_its_field(
    body: dict[str, object], field: str, said: str, browser: Browse, root: User, agent: Role, dora: Person
) -> None:
    body = body | ({} if field == "person" else {"role": agent.pk})
    body = body | ({"tenant": dora.tenant_id} if "tenant" in body else {})
    before = Permission.objects.count()
    assert said in _errors(browser(root).post(reverse(GIVE), body))[field]
    assert Permission.objects.count() == before


def test_nobody_lets_others_see_more_than_the_own_reach_or_gives_to_somebody_above(
    browser: Browse, agent: Role
) -> None:
    chief = directory.role("Chief", rank=90)
    narrow = helper("Directories - View", "Directories - Manage", "Agent - Can Monitor Co-browse")
    OurPermission.objects.filter(role__users=narrow).update(kind="directory")
    page = browser(narrow)
    answer = page.post(reverse(GIVE), {"role": agent.pk, "kind": "user", "reach": "own"})
    assert "cannot see yourself" in answer.content.decode()
    answer = page.post(reverse(GIVE), {"role": chief.pk, "kind": "directory", "reach": "own"})
    assert "above your own rank" in answer.content.decode()
    assert not Permission.objects.filter(kind__in=["user", "directory"]).exists()


def test_a_kind_that_the_portal_does_not_know_is_shown_and_refused_on_its_field(
    browser: Browse, root: User, agent: Role
) -> None:
    given = Permission.objects.create(role=agent, kind="queue", reach="own")
    page, address = browser(root), reverse(GIVEN, args=[given.pk])
    assert "queue" in page.get(reverse(PERMISSIONS)).content.decode()
    assert page.get(address).context["adminform"].form["kind"].value() == "queue"
    answer = page.post(address, {"kind": "queue", "reach": "every"})
    assert "Choose a kind of object" in _errors(answer)["kind"]
    assert page.post(address, {"kind": "user", "reach": "every"}).status_code == 302
    given.refresh_from_db()
    assert (given.kind, given.reach) == ("user", "every")


def test_the_list_is_found_by_holder_kind_and_reach(
    browser: Browse, root: User, agent: Role, dora: Person
) -> None:
    Permission.objects.create(person=dora, kind="audit", reach="every")
    page = browser(root)
    for query, found in (
        ("", 2), ("kind=audit", 1), ("kind=delivery", 0), ("kind=%00", 2), ("reach__exact=every", 1),
        ("q=dora", 1), ("q=Contact", 1), ("q=nobody", 0),
    ):  # fmt: skip
        assert page.get(f"{reverse(PERMISSIONS)}?{query}").context["cl"].result_count == found, query


def test_a_person_that_the_reader_may_not_see_is_not_named(
    browser: Browse, agent: Role, dora: Person
) -> None:
    given = Permission.objects.create(person=dora, kind="audit", reach="own")
    page = browser(helper("Directories - View"))
    assert "dora" not in page.get(reverse(PERMISSIONS)).content.decode()
    assert "a person" in page.get(reverse(PERMISSIONS)).content.decode()
    answer = page.get(reverse(GIVEN, args=[given.pk]))
    assert "person" not in answer.context["adminform"].form.fields
    assert reverse("admin:configserver_person_change", args=[dora.pk]) not in answer.content.decode()


def test_a_tenant_of_a_permission_is_shown_to_who_sees_it(browser: Browse, root: User, agent: Role) -> None:
    tenant = Tenant.objects.create(dbid=7, name="Seven", parent=Tenant.objects.get(dbid=1))
    Permission.objects.create(role=agent, kind="user", reach="one", tenant=tenant)
    assert "Seven (7)" in browser(root).get(reverse(CHANGE, args=[agent.pk])).content.decode()

"""F. Wrong tenant, wrong person, too much power: reaching over the Configuration Server for what one has not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from accounts.companies import change_company
from accounts.limits import unlock_user
from accounts.models import User
from accounts.people import UserDraft, change_user, delete_user, lock_user, set_password
from audit.models import AuditEvent
from configserver import services
from configserver.directory import Directory
from configserver.models import Permission, Person, Role, Tenant
from core.outcomes import Denied
from tenants.actor import Actor, system_actor
from tenants.models import Company
from tenants.models import Permission as PortalPermission
from tenants.models import Privilege as PortalPrivilege
from tenants.models import Role as PortalRole
from tenants.rights import MONITOR
from tenants.services import CompanyDraft, RoleDraft, create_role
from tenants.settings import snapshot
from tests import cast, directories, directory
from tests.configserver.spd_files import SAMPLE
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.ldap_stage import known, shadow
from tests.journeys.stage import NEW_PASSWORD, PASSWORD
from tests.services.ldap import AGENTS, Ldap, password_of

pytestmark = pytest.mark.django_db
ADMINISTRATOR = [("Gatehouse", name) for name in ("Administration - Open", "Users - View", "Users - Manage")]
OUT_OF_REACH = {"not_found", "forbidden"}
ABOVE = {"rank_too_high", "privilege_not_held", "reach_not_held"}


@pytest.fixture
def cleo(cleo: User, globex_tenant: Tenant) -> Actor:
    """Administers Globex, whose tenant is linked."""
    return cast.acting(cleo)


@pytest.fixture
def ada(ada: User, acme_tenant: Tenant) -> Actor:
    """Administers Acme, whose tenant is linked."""
    return cast.acting(ada)


@pytest.fixture
def greta(db: None) -> Actor:
    """Looks after directories and people everywhere, with rank 50: a role that somebody with rank 100 made for her."""
    role = PortalRole.objects.create(name="Directory keeper", rank=50)
    names = [
        "Administration - Open",
        "Directories - View",
        "Directories - Manage",
        "Users - View",
        "Users - Manage",
    ]
    role.privileges.set(
        PortalPrivilege.objects.filter(
            Q(application="Gatehouse", name__in=names)
            | Q(application=MONITOR[0], name=MONITOR[1])  # which the directory's agents get
        )
    )
    for kind in ("directory", "user"):
        PortalPermission.objects.create(role=role, kind=kind, reach="every")
    user = cast.person("greta@portal.example", company=None, role=cast.MEMBER)
    user.roles.set([role])
    return cast.acting(user)


@pytest.fixture
def chief(acme_tenant: Tenant) -> Role:
    """More than Greta has."""
    return directory.role("Chief", rank=90, privileges=ADMINISTRATOR, opens=["user"])


def now() -> Any:
    return timezone.now()


# --- 20

Touch = Callable[[Person, Actor], Any]


def change(person: Person, by: Actor) -> Any:
    return services.change_person(person, services.PersonDraft(display_name="Mine"), by=by, now=now())


def give_password(person: Person, by: Actor) -> Any:
    return services.give_password(
        person, NEW_PASSWORD, must_change=False, environment=snapshot(None), by=by, now=now()
    )


def forget(person: Person, by: Actor) -> Any:
    return services.forget_entry(person, by=by, now=now())


def delete(person: Person, by: Actor) -> Any:
    return services.delete_person(person, by=by, now=now())


def take(person: Person, by: Actor) -> Any:
    """Move somebody else's person into one's own company."""
    mine = Tenant.objects.get(dbid=102)
    return services.change_person(person, services.PersonDraft(tenant=mine), by=by, now=now())


@pytest.mark.parametrize("touch", [change, give_password, forget, delete, take])
def test_a_person_of_another_company_is_not_there(acme_tenant: Tenant, cleo: Actor, touch: Touch) -> None:
    person = directory.person("dora", tenant=acme_tenant, password=PASSWORD, entry="kept")
    nowhere = directory.person("egon", tenant=directory.tenant(999), password=PASSWORD, entry="kept")
    for one in (person, nowhere):
        refused = touch(one, cleo)
        assert isinstance(refused, Denied)
        assert refused.code == "not_found"
        before = (one.display_name, one.password, one.entry, one.tenant_id, one.version)
        one.refresh_from_db()
        assert (one.display_name, one.password, one.entry, one.tenant_id, one.version) == before


def test_nobody_is_made_in_or_sent_into_another_company(
    acme_tenant: Tenant, globex_tenant: Tenant, cleo: Actor
) -> None:
    draft = services.PersonDraft(name="mole", display_name="Mole", tenant=acme_tenant)
    made = services.create_person(draft, password="", environment=snapshot(None), by=cleo, now=now())
    assert isinstance(made, Denied)
    own = directory.person("own", tenant=globex_tenant)
    refused = services.change_person(own, services.PersonDraft(tenant=acme_tenant), by=cleo, now=now())
    assert isinstance(refused, Denied)
    assert not Person.objects.filter(name="mole").exists()


def test_a_company_administrator_links_no_company_to_a_tenant(
    ada: Actor, acme: Company, globex_tenant: Tenant
) -> None:
    """Otherwise the people of whatever tenant it names would be hers."""
    nowhere = directory.tenant(999)
    for dbid in (globex_tenant.dbid, nowhere.dbid, None):
        refused = change_company(acme, CompanyDraft(tenant_dbid=dbid), by=ada, now=now())
        assert isinstance(refused, Denied)
        assert refused.code in OUT_OF_REACH | {"name_taken"}
    acme.refresh_from_db()
    assert acme.tenant_dbid == 101


def test_the_account_of_an_external_person_is_of_its_company_alone(
    dora: Person, cleo: Actor, api: Any
) -> None:
    assert sign_in(api, "dora", password_of("dora")).step == "done"
    user = shadow("dora")
    for refused in (
        lock_user(user, reason="x", by=cleo, now=now()),
        unlock_user(user, by=cleo, now=now()),
        delete_user(user, by=cleo, now=now()),
        change_user(user, UserDraft(display_name="x"), by=cleo, now=now()),
        set_password(user, NEW_PASSWORD, must_change=False, by=cleo, now=now()),
    ):
        assert isinstance(refused, Denied)
        assert refused.code == "not_found"
    assert api.is_in()


# --- 21


def test_nobody_gives_a_role_above_his_own_rank_privileges_or_reach(ada: Actor, acme_tenant: Tenant) -> None:
    too_much = [
        directory.role("Higher", rank=61),
        directory.role("Wider", rank=10, privileges=[("Gatehouse", "Companies - Manage")]),
    ]
    far = directory.role("Farther", rank=10)
    Permission.objects.create(role=far, kind="user", reach="every")
    elsewhere = directory.role("Elsewhere", rank=10)
    Permission.objects.create(role=elsewhere, kind="user", reach="one", tenant=directory.tenant(102))
    person = directory.person("dora", tenant=acme_tenant)
    for role in (*too_much, far, elsewhere):
        refused = services.change_person(person, services.PersonDraft(roles=[role]), by=ada, now=now())
        assert isinstance(refused, Denied), role
        assert refused.code in ABOVE
        draft = services.PersonDraft(
            name=f"new-{role.pk}", display_name="x", tenant=acme_tenant, roles=[role]
        )
        made = services.create_person(draft, password="", environment=snapshot(None), by=ada, now=now())
        assert isinstance(made, Denied), role
    assert not person.roles.exists()
    assert Person.objects.count() == 1


def test_what_one_company_gives_of_its_own_opens_nothing_of_another(
    ada: Actor, ldap: Directory, acme_tenant: Tenant, cleo: Actor
) -> None:
    """The directory says that Egon is of Globex; in the Configuration Server he stands in the tenant of Acme, whose people Ada manages."""
    egon = directory.person("egon", tenant=acme_tenant, directory=ldap)
    role = directory.role("Deputy", rank=ada.rights.rank, privileges=ADMINISTRATOR, opens=["user"])
    given = services.change_person(egon, services.PersonDraft(roles=[role]), by=ada, now=now())
    assert not isinstance(given, Denied), given
    api = ApiDoor()
    # A role that opens the administration asks for a second factor, which is not what this is about.
    PortalRole.objects.create(name="Deputy", twofactor_policy="off")
    said = sign_in(api, "egon", password_of("egon"))
    assert said.facts["company"]["name"] == "Globex"
    assert "Deputy" in said.facts["roles"]
    assert api.get("/api/v1/users/").facts["results"] == []
    # What whoever sees all companies gives through a group counts where the directory says that the person is.
    draft = services.DirectoryDraft(groups=[(AGENTS, role)])
    services.change_directory(ldap, draft, by=system_actor(), now=now())
    sign_in(api, "egon", password_of("egon"))
    found = api.get("/api/v1/users/").facts["results"]
    assert {one["company"] for one in found} == {str(Company.objects.get(name="Globex").uid)}


@pytest.mark.parametrize("policy", ["", "off", "optional"])
def test_a_role_of_the_same_name_takes_the_second_factor_from_nobody(
    ada: Actor, acme: Company, acme_tenant: Tenant, policy: str
) -> None:
    """A company administrator may make a role of any name in the company, also of one that is above him."""
    chief = directory.role("Chief", rank=90, privileges=ADMINISTRATOR)
    directory.person("dora", tenant=acme_tenant, password=PASSWORD, roles=[chief], email="dora@acme.example")
    made = create_role(
        RoleDraft(name="Chief", company=acme, rank=0, twofactor_policy=policy), by=ada, now=now()
    )
    assert isinstance(made, PortalRole)
    assert sign_in(ApiDoor(), "dora", PASSWORD).step == "enrol"


@pytest.mark.parametrize("touch", [change, give_password, forget, delete])
def test_who_stands_above_is_not_touched(ada: Actor, acme_tenant: Tenant, touch: Touch) -> None:
    boss = directory.person(
        "boss", tenant=acme_tenant, password=PASSWORD, entry="kept", roles=[directory.role("Boss", rank=70)]
    )
    refused = touch(boss, ada)
    assert isinstance(refused, Denied)
    assert refused.code in ABOVE


def point_to_oneself(person: Person, by: Actor) -> Any:
    """Let one's own entry of the directory stand for somebody else."""
    return services.change_person(person, services.PersonDraft(external_id="egon"), by=by, now=now())


def rename(person: Person, by: Actor) -> Any:
    return services.change_person(person, services.PersonDraft(name="nobody"), by=by, now=now())


def switch_off(person: Person, by: Actor) -> Any:
    return services.change_person(person, services.PersonDraft(is_active=False), by=by, now=now())


@pytest.mark.parametrize("touch", [point_to_oneself, rename, switch_off, forget, delete])
def test_nor_is_who_stands_above_by_a_group_of_the_directory(
    ada: Actor, ldap: Directory, dora: Person, touch: Touch
) -> None:
    """What groups give is known since the last sign-in, and counts as long as the group still gives it."""
    boss = directory.role("Boss", rank=70)
    draft = services.DirectoryDraft(groups=[(AGENTS, boss)])
    services.change_directory(ldap, draft, by=system_actor(), now=now())
    assert sign_in(ApiDoor(), "dora", password_of("dora")).facts["roles"] == ["Boss"]
    refused = touch(dora, ada)
    assert isinstance(refused, Denied)
    assert refused.code in ABOVE
    services.change_directory(ldap, services.DirectoryDraft(groups=[]), by=system_actor(), now=now())
    assert not isinstance(touch(dora, ada), Denied)


def test_a_company_administrator_changes_neither_tenants_nor_directories_nor_what_is_mapped(
    ada: Actor, acme_tenant: Tenant, server: Ldap, ldap: Directory, agent: Role
) -> None:
    """How a password is proved, and what a group gives, is a matter of the installation."""
    person = directory.person("dora", tenant=acme_tenant)
    refusals = [
        services.create_tenant(services.TenantDraft(dbid=7, name="Mine"), by=ada, now=now()),
        services.change_tenant(acme_tenant, services.TenantDraft(is_active=False), by=ada, now=now()),
        services.change_tenant(acme_tenant, services.TenantDraft(rules={}), by=ada, now=now()),
        services.delete_tenant(acme_tenant, by=ada, now=now()),
        services.create_directory(
            services.DirectoryDraft(name="mine", protocol="radius", servers="127.0.0.1", secret="x"),
            by=ada, now=now(),
        ),
        services.change_directory(ldap, services.DirectoryDraft(name="mine"), by=ada, now=now()),
        services.change_directory(ldap, services.DirectoryDraft(groups=[]), by=ada, now=now()),
        services.delete_directory(ldap, by=ada, now=now()),
        services.create_role(services.RoleDraft(name="mine", rank=1), by=ada, now=now()),
        services.change_role(agent, services.RoleDraft(rank=1), by=ada, now=now()),
        services.delete_role(agent, by=ada, now=now()),
        services.create_permission(
            services.PermissionDraft(person=person, kind="user", reach="own"), by=ada, now=now()
        ),
        services.change_person(person, services.PersonDraft(directory=ldap), by=ada, now=now()),
        services.apply_package(SAMPLE.read_bytes(), by=ada, now=now()),
    ]  # fmt: skip
    assert [one for one in refusals if not isinstance(one, Denied)] == []
    assert {one.code for one in refusals if isinstance(one, Denied)} == {"forbidden"}


def test_a_group_gives_nobody_more_than_whoever_maps_it_has(
    greta: Actor, ldap: Directory, chief: Role, agent: Role
) -> None:
    draft = services.DirectoryDraft(groups=[(AGENTS, chief)])
    refused = services.change_directory(ldap, draft, by=greta, now=now())
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("rank_too_high", "groups")
    draft = services.DirectoryDraft(
        name="mine", protocol="radius", servers="127.0.0.1", secret="x", groups=[(AGENTS, chief)]
    )
    assert isinstance(services.create_directory(draft, by=greta, now=now()), Denied)
    assert set(ldap.groups.values_list("role__name", flat=True)) == {agent.name, "Manager of the directory"}


def test_nobody_decides_by_what_server_whoever_stands_above_him_is_let_in(
    greta: Actor, ldap: Directory, acme_tenant: Tenant, chief: Role
) -> None:
    """A server of Greta's own would let her in as anybody whose password it proves."""
    directory.person("boss", tenant=acme_tenant, directory=ldap, roles=[chief])
    own = "ldaps://ldap.mallory.example"
    for change in (
        {"servers": own, "secret": "hers"},
        {"ca_certificates": "x", "secret": "hers"},
        {"secret": "hers"},
        {"base_dn": "ou=mine,dc=example,dc=org"},
        {"user_filter": "(description={login})"},
        {"is_active": False},
        {"tenant_values": []},
    ):
        refused = services.change_directory(ldap, services.DirectoryDraft(**change), by=greta, now=now())
        assert isinstance(refused, Denied), change
        assert refused.code in ABOVE
    ldap.refresh_from_db()
    assert own not in ldap.servers
    assert not isinstance(
        services.change_directory(ldap, services.DirectoryDraft(name="Renamed"), by=greta, now=now()), Denied
    )


def test_nor_what_directory_proves_the_passwords_of_a_tenant_or_of_one_below(
    greta: Actor, acme_tenant: Tenant, globex_tenant: Tenant, chief: Role
) -> None:
    rogue = directories.radius("127.0.0.1:9", name="hers")
    below = directory.tenant(110, name="Below")
    Tenant.objects.filter(pk=below.pk).update(parent=acme_tenant)
    directory.person("boss", tenant=below, password=PASSWORD, roles=[chief])
    for tenant in (acme_tenant, Tenant.objects.get(pk=below.pk)):
        for draft in (
            services.TenantDraft(library="directory", directory=rogue, enforce="true"),
            services.TenantDraft(parent=globex_tenant),
            services.TenantDraft(dbid=500 + tenant.pk),
            services.TenantDraft(is_active=False),
        ):
            refused = services.change_tenant(tenant, draft, by=greta, now=now())
            assert isinstance(refused, Denied), draft
            assert refused.code in ABOVE
    boss = Person.objects.get(name="boss")
    refused = services.change_person(boss, services.PersonDraft(directory=rogue), by=greta, now=now())
    assert isinstance(refused, Denied)
    root = Tenant.objects.get(dbid=1)
    draft = services.TenantDraft(library="directory", directory=rogue, enforce="true")
    assert isinstance(services.change_tenant(root, draft, by=greta, now=now()), Denied)


def test_below_her_rank_greta_does_her_work(
    greta: Actor, ldap: Directory, acme_tenant: Tenant, server: Ldap, agent: Role
) -> None:
    known("dora", ldap, acme_tenant)
    directory.person("ben", tenant=acme_tenant, roles=[directory.role("Low", rank=5)])
    for done in (
        services.change_directory(ldap, services.DirectoryDraft(nested_groups=True), by=greta, now=now()),
        services.change_tenant(
            acme_tenant, services.TenantDraft(library="directory", directory=ldap), by=greta, now=now()
        ),
        services.create_role(services.RoleDraft(name="Made by her", rank=50), by=greta, now=now()),
    ):
        assert not isinstance(done, Denied), done


# --- 23


def test_no_secret_of_a_directory_is_read_back_anywhere(
    ldap: Directory, greta: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    radius = directories.radius("127.0.0.1:9", name="r", secret="the-shared-secret-of-it")
    services.change_directory(
        radius, services.DirectoryDraft(secret="another-shared-secret"), by=greta, now=now()
    )
    secrets = ("of-the-portal-1", "the-shared-secret-of-it", "another-shared-secret")
    told = [
        caplog.text,
        *map(repr, (ldap, radius, *Directory.objects.values())),
        *(str(one) for one in AuditEvent.objects.values()),
    ]
    for secret in secrets:
        assert not any(secret in text for text in told)

"""The verbs on directories, tenants, directory roles and permissions: what is refused, what is kept, what a change ends."""

from datetime import datetime
from typing import Any

import pytest

from accounts.models import User
from audit.models import AuditEvent
from configserver import services
from configserver.directories import secret_of
from configserver.models import ENVIRONMENT_DBID, Directory, Permission, Person, Role, Tenant
from configserver.services import DirectoryDraft, PermissionDraft, RoleDraft, TenantDraft
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.models import Company, Privilege
from tenants.models import Role as PortalRole
from tests import cast, directory

pytestmark = pytest.mark.django_db
SECRET = "a shared secret of the directory"
LDAP = {"name": "Head office", "protocol": "ldap", "servers": "ldaps://ldap.example", "base_dn": "dc=example"}


def code(result: object) -> str:
    return result.code if isinstance(result, Denied) else ""


def create(by: Actor, now: datetime, **fields: Any) -> Any:
    return services.create_directory(DirectoryDraft(**(LDAP | fields)), by=by, now=now)


def change(found: Directory, by: Actor, now: datetime, **fields: Any) -> Any:
    return services.change_directory(found, DirectoryDraft(**fields), by=by, now=now)


@pytest.fixture
def office(system: Actor, now: datetime) -> Directory:
    return create(system, now, secret=SECRET, bind_dn="cn=portal,dc=example")


def test_only_who_rules_the_installation_touches_it(ada: User, office: Directory, now: datetime) -> None:
    by, root = cast.acting(ada), Tenant.objects.get(dbid=ENVIRONMENT_DBID)
    role = directory.role("Agent", rank=1)
    permission = Permission.objects.create(role=role, kind="user", reach="own")
    for refused in (
        create(by, now, name="x"),
        change(office, by, now, name="x"),
        services.delete_directory(office, by=by, now=now),
        services.create_tenant(TenantDraft(dbid=5, name="x"), by=by, now=now),
        services.change_tenant(root, TenantDraft(name="x"), by=by, now=now),
        services.delete_tenant(root, by=by, now=now),
        services.create_role(RoleDraft(name="x", rank=1), by=by, now=now),
        services.change_role(role, RoleDraft(name="x"), by=by, now=now),
        services.delete_role(role, by=by, now=now),
        services.create_permission(PermissionDraft(role=role, kind="user", reach="own"), by=by, now=now),
        services.change_permission(permission, PermissionDraft(kind="role"), by=by, now=now),
        services.delete_permission(permission, by=by, now=now),
    ):
        assert code(refused) == "forbidden"


def test_the_secret_is_sealed_and_stands_in_no_trail(office: Directory) -> None:
    assert secret_of(office) == SECRET
    assert SECRET not in office.secret.text
    assert SECRET not in repr(vars(office))
    assert not AuditEvent.objects.filter(details__icontains=SECRET).exists()


@pytest.mark.parametrize(
    "lead",
    [
        {"servers": "ldaps://evil.example"},
        {"servers": "ldaps://ldap.example\nldaps://evil.example"},
        {"start_tls": False},
        {"ca_certificates": "-----BEGIN CERTIFICATE-----"},
        {"bind_dn": "cn=other,dc=example"},
    ],
)
def test_the_secret_goes_nowhere_that_it_was_not_given_for(
    lead: dict[str, Any], office: Directory, system: Actor, now: datetime
) -> None:
    refused = change(office, system, now, **lead)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("secret_needed", "secret")
    changed = change(office, system, now, secret="another one", **lead)
    assert secret_of(changed) == "another one"


def test_an_empty_secret_keeps_what_there_is(office: Directory, system: Actor, now: datetime) -> None:
    changed = change(office, system, now, secret="", name="Other")
    assert secret_of(changed) == SECRET


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"servers": ""}, "servers"),
        ({"servers": "http://ldap.example"}, "servers"),
        ({"servers": "ldaps://user:password@ldap.example"}, "servers"),
        ({"servers": "ldaps://ldap.example/dc=x"}, "servers"),
        ({"servers": "ldaps://ldap.example:99999"}, "servers"),
        ({"servers": "ldaps://a.example ldaps://a.example"}, "servers"),
        ({"servers": " ".join(f"ldaps://s{n}.example" for n in range(11))}, "servers"),
        ({"base_dn": ""}, "base_dn"),
        ({"user_filter": "(uid=*)"}, "user_filter"),
        ({"direct_dn": "uid=x,dc=example"}, "direct_dn"),
        ({"group_filter": "(member=*)"}, "group_filter"),
        ({"email_attribute": "mail)(x"}, "email_attribute"),
        ({"timeout_ms": 499}, "timeout_ms"),
        ({"cache_seconds": 65_537}, "cache_seconds"),
        ({"protocol": "kerberos"}, "protocol"),
        ({"secret": "x\0"}, "secret"),
        ({"protocol": "radius", "servers": "radius.example:1812"}, "secret"),
        ({"protocol": "radius", "servers": "ldaps://ldap.example", "secret": "x"}, "servers"),
        ({"protocol": "radius", "servers": "radius.example:0", "secret": "x"}, "servers"),
        ({"protocol": "radius", "servers": "radius.example", "secret": "x", "attempts": 6}, "attempts"),
    ],
)
def test_what_does_not_fit_is_refused(
    fields: dict[str, Any], field: str, system: Actor, now: datetime
) -> None:
    refused = create(system, now, **fields)
    assert isinstance(refused, Denied)
    assert refused.field == field


def test_a_group_gives_nothing_above_whoever_maps_it(acme: Company, now: datetime) -> None:
    deputy = PortalRole.objects.create(name="Deputy", rank=50)
    deputy.privileges.set(Privilege.objects.filter(name__startswith="Directories"))
    user = cast.person("deputy@x.example", company=None, role=cast.FULL)
    user.roles.set([deputy])
    directory.opens_everything(deputy)
    by, above, below = cast.acting(user), directory.role("Above", rank=60), directory.role("Below", rank=50)
    assert code(create(by, now, groups=[("cn=a,dc=example", above)])) == "rank_too_high"
    made = create(by, now, groups=[("cn=a,dc=example", below)])
    assert isinstance(made, Directory)
    assert code(change(made, by, now, groups=[("cn=a,dc=example", above)])) == "rank_too_high"
    made.groups.create(group="cn=b,dc=example", role=above)
    assert code(change(made, by, now, name="Other")) == "rank_too_high"


def test_switching_off_ends_what_its_persons_hold(
    office: Directory, system: Actor, now: datetime, acme: Company
) -> None:
    tenant = directory.tenant(101, company=acme, library="directory", directory=office)
    below = directory.tenant(102, parent=tenant)
    other = directory.tenant(103)
    persons = [directory.person(f"p{one.dbid}", tenant=one) for one in (tenant, below, other)]
    own = directory.person("own", tenant=other, directory=office)
    change(office, system, now, is_active=False)
    versions = dict(Person.objects.values_list("name", "version"))
    assert versions == {"p101": 2, "p102": 2, "p103": 1, "own": 2}
    assert persons
    assert own.version == 1


def test_what_is_named_is_not_deleted(office: Directory, system: Actor, now: datetime) -> None:
    tenant = directory.tenant(101, library="directory", directory=office)
    role = directory.role("Agent")
    person = directory.person("dora", tenant=tenant, roles=[role])
    assert code(services.delete_directory(office, by=system, now=now)) == "in_use"
    assert code(services.delete_tenant(tenant, by=system, now=now)) == "in_use"
    assert code(services.delete_role(role, by=system, now=now)) == "in_use"
    assert services.delete_person(person, by=system, now=now) is None
    assert services.delete_tenant(tenant, by=system, now=now) is None
    assert services.delete_directory(office, by=system, now=now) is None
    assert services.delete_role(role, by=system, now=now) is None


# --- tenants -----------------------------------------------------------------------------------------------------------------


def test_environment_keeps_its_place(system: Actor, now: datetime) -> None:
    root = Tenant.objects.get(dbid=ENVIRONMENT_DBID)
    for draft in (
        TenantDraft(is_active=False),
        TenantDraft(dbid=7),
        TenantDraft(parent=directory.tenant(101)),
        TenantDraft(rules={"security-authentication-rules.password-min-length": 20}),
    ):
        assert code(services.change_tenant(root, draft, by=system, now=now)) == "built_in"
    assert code(services.delete_tenant(root, by=system, now=now)) == "built_in"


def test_no_tenant_stands_below_itself(system: Actor, now: datetime) -> None:
    first = directory.tenant(101)
    second = directory.tenant(102, parent=first)
    for above in (first, second):
        refused = services.change_tenant(first, TenantDraft(parent=above), by=system, now=now)
        assert (code(refused), refused.field) == ("invalid", "parent")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (TenantDraft(dbid=0, name="x"), "dbid"),
        (TenantDraft(dbid=2**31, name="x"), "dbid"),
        (TenantDraft(dbid=ENVIRONMENT_DBID, name="x"), "dbid"),
        (TenantDraft(dbid=7, name=""), "name"),
        (TenantDraft(dbid=7, name="ENVIRONMENT"), "name"),
        (TenantDraft(dbid=7, name="x", library="directory"), "directory"),
        (TenantDraft(dbid=7, name="x", library="kerberos"), "library"),
        (TenantDraft(dbid=7, name="x", rules={"Session.IdleLockMinutes": 5}), "Session.IdleLockMinutes"),
        (
            TenantDraft(dbid=7, name="x", rules={"security-authentication-rules.password-min-length": 65}),
            "security-authentication-rules.password-min-length",
        ),
    ],
)
def test_a_tenant_that_does_not_fit_is_refused(
    draft: TenantDraft, field: str, system: Actor, now: datetime
) -> None:
    refused = services.create_tenant(draft, by=system, now=now)
    assert isinstance(refused, Denied)
    assert refused.field == field


# --- roles and permissions ---------------------------------------------------------------------------------------------------


def test_a_changed_role_is_felt_by_everyone_who_may_have_it(
    office: Directory, system: Actor, now: datetime
) -> None:
    role = directory.role("Agent")
    tenant = directory.tenant(101, library="directory", directory=office)
    through_group = directory.person("grouped", tenant=tenant, external_id="g")
    holder = directory.person("holder", tenant=directory.tenant(102), roles=[role])
    bystander = directory.person("bystander", tenant=directory.tenant(102))
    office.groups.create(group="cn=a,dc=example", role=role)
    draft = RoleDraft(privileges=[("Workspace", "Chat")])
    assert isinstance(services.change_role(role, draft, by=system, now=now), Role)
    for one in (through_group, holder, bystander):
        one.refresh_from_db()
    assert (through_group.version, holder.version, bystander.version) == (2, 2, 1)
    services.change_role(role, RoleDraft(description="In words"), by=system, now=now)
    holder.refresh_from_db()
    assert holder.version == 2


def test_a_permission_is_judged_by_what_it_opens_and_what_its_holder_has(
    now: datetime, system: Actor
) -> None:
    role = directory.role("Agent")
    for draft, field in (
        (PermissionDraft(kind="user", reach="own"), "person"),
        (PermissionDraft(role=role, kind="A B", reach="own"), "kind"),
        (PermissionDraft(role=role, kind="user", reach="nowhere"), "reach"),
        (PermissionDraft(role=role, kind="user", reach="one"), "tenant"),
        (PermissionDraft(role=role, kind="user", reach="own", tenant=directory.tenant(101)), "tenant"),
    ):
        refused = services.create_permission(draft, by=system, now=now)
        assert isinstance(refused, Denied)
        assert refused.field == field
    made = services.create_permission(
        PermissionDraft(role=role, kind="user", reach="own"), by=system, now=now
    )
    assert isinstance(made, Permission)
    other = services.change_permission(
        made, PermissionDraft(role=directory.role("Other")), by=system, now=now
    )
    assert code(other) == "fixed"

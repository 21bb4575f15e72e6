"""External people for tests: tenants of the Configuration Server, the persons in them, and the directories that prove their passwords."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from configserver import services
from configserver.directory import Directory
from configserver.models import ENVIRONMENT_DBID, Permission, Person, Privilege, Role, Tenant
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tests.services.ldap import GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD, Ldap
from tests.services.radius import SECRET

ACME_DBID, NOWHERE_DBID = 101, 999


def tenant(dbid: int, *, name: str = "", company: Company | None = None, **more: object) -> Tenant:
    """A tenant below ENVIRONMENT, with this company linked to it."""
    root = Tenant.objects.get(dbid=ENVIRONMENT_DBID)
    found, _made = Tenant.objects.get_or_create(
        dbid=dbid, defaults={"name": name or f"tenant-{dbid}", "parent": root} | more
    )
    if company is not None:
        Company.objects.filter(pk=company.pk).update(tenant_dbid=dbid)
    return found


def role(
    name: str,
    *,
    rank: int = 20,
    privileges: Sequence[tuple[str, str]] = (),
    opens: Sequence[str] = (),
) -> Role:
    """A role of the Configuration Server that gives these privileges and opens these kinds in the person's own company."""
    found = Role.objects.create(name=name, rank=rank)
    for application, one in privileges:
        found.privileges.add(Privilege.objects.get_or_create(application=application, name=one)[0])
    for kind in opens:
        Permission.objects.create(role=found, kind=kind, reach="own")
    return found


def person(
    name: str, *, tenant: Tenant, password: str = "", roles: Sequence[Role] = (), **more: object
) -> Person:
    """An external person; with a password, one that the Configuration Server keeps."""
    found = Person(tenant=tenant, name=name, display_name=name.capitalize(), **more)
    if password:
        found.password, found.password_changed_at = make_password(password), timezone.now()
    found.save()
    found.roles.set(roles)
    return found


def radius(*servers: str, name: str = "RADIUS", **more: Any) -> Directory:
    """A directory that speaks RADIUS with these servers, with times that a test can wait for."""
    usual = {"secret": SECRET, "connect_timeout_ms": 200, "timeout_ms": 2_000, "attempts": 2}
    return _made(
        services.DirectoryDraft(name=name, protocol="radius", servers="\n".join(servers), **usual | more)
    )


def ldap(*servers: Ldap, name: str = "LDAP", **more: Any) -> Directory:
    """A directory of these OpenLDAP servers: LDAPS, a search before the bind, `o` names the tenant."""
    usual = {
        "servers": "\n".join(one.secure_url for one in servers),
        "ca_certificates": "".join(one.authority for one in servers),
        "bind_dn": SERVICE,
        "secret": SERVICE_PASSWORD,
        "base_dn": PEOPLE,
        "group_base": GROUPS,
        "connect_timeout_ms": 1_000,
        "timeout_ms": 3_000,
    }
    return _made(services.DirectoryDraft(name=name, protocol="ldap", **usual | more))


def _made(draft: services.DirectoryDraft) -> Directory:
    made = services.create_directory(draft, by=system_actor(), now=timezone.now())
    assert not isinstance(made, Denied), made
    return made


def wake(found: Directory, *, secret: str) -> None:
    """Let no server of this directory rest after a failure: under other names they begin anew."""
    now, then = ("127.0.0.1", "localhost") if "127.0.0.1" in found.servers else ("localhost", "127.0.0.1")
    draft = services.DirectoryDraft(servers=found.servers.replace(now, then), secret=secret)
    services.change_directory(found, draft, by=system_actor(), now=timezone.now())

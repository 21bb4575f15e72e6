"""External people for tests: tenants of the Configuration Server, the persons in them, directories, and what is linked to whom."""

from collections.abc import Sequence

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts import external
from accounts.models import User
from audit.record import Origin
from configserver import service
from configserver.models import ENVIRONMENT_DBID, Directory, Permission, Person, Privilege, Role, Tenant
from configserver.services import DirectoryDraft, create_directory
from configserver.values import Identity
from core import sealed
from tenants.actor import system_actor
from tenants.models import Company
from tenants.models import Permission as PortalPermission
from tenants.models import Privilege as PortalPrivilege
from tenants.models import Role as PortalRole
from tenants.settings import snapshot
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


def ldap(name: str, **more: object) -> Directory:
    """An LDAP directory."""
    columns = {"servers": "ldaps://127.0.0.1:636", "base_dn": "dc=example,dc=org"} | more
    return Directory.objects.create(name=name, protocol="ldap", **columns)


def radius(name: str, *, servers: str, secret: str, **more: object) -> Directory:
    """A RADIUS directory."""
    found = Directory(name=name, protocol="radius", servers=servers, **more)
    found.secret = sealed.seal(found, "secret", secret.encode())
    found.save()
    return found


def opens_everything(role: PortalRole) -> None:
    """Let the holders of a role of the portal see every company."""
    PortalPermission.objects.create(role=role, kind="*", reach="every")


def shadow(person: Person, *, password: str) -> User:
    """The account that this person has in the portal after a sign-in."""
    now = timezone.now()
    said = service.authenticate(person.name, password, environment=snapshot(None), now=now)
    assert isinstance(said, Identity), said
    user = external.load(said, origin=Origin(), now=now)
    assert isinstance(user, User), user
    return user


def portal_privileges(*names: str) -> list[PortalPrivilege]:
    """Privileges of the portal itself."""
    return list(PortalPrivilege.objects.filter(application="Gatehouse", name__in=names))


def lets_see_everything(user: User, *names: str, rank: int = 30) -> None:
    """Give this person a role of this rank with these privileges of the portal, and every company to see."""
    role = PortalRole.objects.create(name=f"Sees everything {user.pk}", rank=rank, company=user.company)
    role.privileges.set(portal_privileges(*names))
    PortalPermission.objects.create(role=role, kind="*", reach="every")
    user.roles.add(role)


def directory(
    name: str = "Head office", *, protocol: str = "radius", servers: str = "127.0.0.1:9", **more: object
) -> Directory:
    """A directory as an administrator makes it; by itself one that nobody listens for."""
    usual: dict[str, object] = {"secret": SECRET, "connect_timeout_ms": 200, "timeout_ms": 1_000}
    if protocol == "ldap":
        usual |= {"bind_dn": "cn=portal,dc=example,dc=org", "base_dn": "ou=people,dc=example,dc=org"}
    draft = DirectoryDraft(**{"name": name, "protocol": protocol, "servers": servers} | usual | more)
    found = create_directory(draft, by=system_actor(), now=timezone.now())
    assert isinstance(found, Directory), found
    return found

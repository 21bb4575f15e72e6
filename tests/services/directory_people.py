"""Many people whose password an LDAP directory proves, put straight into the product's database.

`python -m tests.services.directory_people NUMBER SERVERS AUTHORITY` makes them in the installation that its environment names; SERVERS
are separated by commas, AUTHORITY is a file in PEM form.
"""

import os
import sys
from pathlib import Path

from tests.services.ldap import AGENTS, GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD

DBID = 500
CONNECT_SECONDS, TIMEOUT_SECONDS = 3.0, 8.0  # as a directory has them when nobody says otherwise


def name_of(number: int) -> str:
    """The name of one of them, here as in the directory (`tests.services.ldap.people`)."""
    return f"user{number}"


def make(number: int, servers: str, authority: Path) -> None:
    """So many people of a tenant whose passwords all are proved by the directory of these servers."""
    from configserver.models import ENVIRONMENT_DBID, Directory, DirectoryGroup, Person, Role, Tenant
    from core import sealed
    from tenants.models import Company

    directory = Directory(
        name="Crowd",
        protocol="ldap",
        servers="\n".join(servers.split(",")),
        ca_certificates=authority.read_text(),
        bind_dn=SERVICE,
        base_dn=PEOPLE,
        group_base=GROUPS,
        connect_timeout_ms=round(CONNECT_SECONDS * 1000),
        timeout_ms=round(TIMEOUT_SECONDS * 1000),
    )
    directory.secret = sealed.seal(directory, "secret", SERVICE_PASSWORD.encode())
    directory.save()
    role = Role.objects.create(name="Crowd", rank=20)
    DirectoryGroup.objects.create(directory=directory, group=AGENTS, role=role)
    root = Tenant.objects.get(dbid=ENVIRONMENT_DBID)
    more = {"library": "directory", "directory": directory, "enforce": "true"}
    tenant = Tenant.objects.create(dbid=DBID, name="Crowd", parent=root, **more)
    Company.objects.create(name="Crowd of the directory", tenant_dbid=DBID)
    names = [name_of(one) for one in range(number)]
    Person.objects.bulk_create(
        (Person(tenant=tenant, name=name, name_key=name, display_name=name) for name in names), batch_size=500
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    make(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

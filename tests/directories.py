"""Directories that lead to the real servers of tests, made as an administrator makes them."""

from typing import Any

from django.utils import timezone

from configserver import services
from configserver.directory import Directory
from core.outcomes import Denied
from tenants.actor import system_actor
from tests.services.ldap import GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD, Ldap
from tests.services.radius import SECRET


def radius(*servers: str, name: str = "RADIUS", **more: Any) -> Directory:
    """A directory that speaks RADIUS with these servers, with times that a test can wait for."""
    usual = {"secret": SECRET, "connect_timeout_ms": 200, "timeout_ms": 2_000, "attempts": 2}
    return _made(
        services.DirectoryDraft(name=name, protocol="radius", servers="\n".join(servers), **usual | more)
    )


def ldap(*servers: Ldap, name: str = "LDAP", **more: Any) -> Directory:
    """A directory of these OpenLDAP servers: LDAPS, a search before the bind."""
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

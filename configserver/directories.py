"""The engine of a directory, built from its row; held in memory under the epoch, so that a change is felt within a second."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from configserver.directory import PROVING, Protocol
from configserver.engines.base import Engine
from configserver.models import Directory, DirectoryGroup, DirectoryTenant
from core import epoch, sealed

if TYPE_CHECKING:
    from configserver.engines.ldap import LdapConfig


@dataclass(frozen=True, kw_only=True)
class Known:
    """A directory with its engine, and what its groups and values stand for."""

    uid: UUID
    protocol: str
    is_active: bool
    may_change: bool
    rounds_are_factor: bool
    engine: Engine
    roles: dict[str, frozenset[int]]  # group -> numbers of roles
    tenants: dict[str, int]  # value -> DBID


def secret_of(directory: Directory) -> str:
    """The secret of this directory; empty when none was given."""
    return sealed.unseal(directory, "secret").decode() if directory.secret.text else ""


def build_engine(directory: Directory, *, groups: tuple[str, ...] = ()) -> Engine:
    """The engine that asks this directory."""
    seconds = directory.timeout_ms / 1000
    # Read in when there is a directory to ask: the two libraries cost each process 20 MiB, and a start its time.
    if directory.protocol == Protocol.RADIUS:
        from configserver.engines.radius import RadiusConfig, RadiusEngine

        return RadiusEngine(
            RadiusConfig(
                id=str(directory.uid),
                servers=directory.server_names,
                secret=secret_of(directory),
                protocol=directory.coding,
                nas_identifier=directory.nas_identifier,
                attempt_timeout=directory.connect_timeout_ms / 1000,
                attempts=directory.attempts,
                timeout=seconds,
            )
        )
    from configserver.engines.ldap import LdapEngine

    return LdapEngine(ldap_config(directory, groups=groups))


def ldap_config(directory: Directory, *, groups: tuple[str, ...] = ()) -> "LdapConfig":
    """What is known of an LDAP directory."""
    from configserver.engines.ldap import LdapConfig

    return LdapConfig(
        id=str(directory.uid),
        servers=directory.server_names,
        start_tls=directory.start_tls,
        ca_certificates=directory.ca_certificates,
        bind_dn=directory.bind_dn,
        bind_password=secret_of(directory),
        base_dn=directory.base_dn,
        user_filter=directory.user_filter,
        direct_dn=directory.direct_dn,
        entry_attribute=directory.entry_attribute,
        name_attribute=directory.name_attribute,
        email_attribute=directory.email_attribute,
        phone_attribute=directory.phone_attribute,
        tenant_attribute=directory.tenant_attribute,
        groups=groups,
        group_filter=directory.group_filter,
        group_base=directory.group_base,
        nested=directory.nested_groups,
        connect_timeout=directory.connect_timeout_ms / 1000,
        timeout=directory.timeout_ms / 1000,
        cache_seconds=directory.cache_seconds,
        negative_cache_seconds=directory.negative_cache_seconds,
        change_password=directory.change_password,
    )


def known(directory: Directory) -> Known:
    """The directory with its engine and mapping, read now."""
    roles: dict[str, set[int]] = {}
    for group, role in DirectoryGroup.objects.filter(directory=directory).values_list("group", "role"):
        roles.setdefault(group, set()).add(role)
    tenants = DirectoryTenant.objects.filter(directory=directory).values_list("value", "tenant__dbid")
    return Known(
        uid=directory.uid,
        protocol=directory.protocol,
        is_active=directory.is_active,
        may_change=directory.change_password and directory.protocol == Protocol.LDAP,
        rounds_are_factor=directory.rounds_are_factor,
        engine=build_engine(directory, groups=tuple(roles)),
        roles={group: frozenset(numbers) for group, numbers in roles.items()},
        tenants=dict(tenants),
    )


def _load(uid: str) -> Known | None:
    directory = Directory.objects.filter(uid=uid, protocol__in=PROVING).first()
    return None if directory is None else known(directory)


directory_of = epoch.Cached[str, Known | None](_load)
"""The directory of this id that proves passwords, as it was within the last second; None when there is none."""

_active = Directory.objects.filter(is_active=True, protocol__in=PROVING)
_uids = epoch.Cached[str, list[str]](
    lambda _one: [str(uid) for uid in _active.all().values_list("uid", flat=True)]
)


def active_uids() -> list[str]:
    """The ids of the directories that may be asked, in the order in which they were made."""
    return _uids("")

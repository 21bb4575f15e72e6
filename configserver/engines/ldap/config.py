"""What is known of one LDAP directory: a frozen value, from which the engine is made, and what of it does not fit."""

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

import ldap3
from django.utils.translation import gettext_noop as _
from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import search_operation

from configserver.engines.ldap.names import filled
from core import tls
from core.addresses import is_loopback

LOGIN, DN = "{login}", "{dn}"
PORTS = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True, kw_only=True)
class LdapConfig:
    """One directory. Breakers and caches of a process are kept by its id, and begin anew with every other value of it."""

    id: str
    servers: tuple[str, ...]  # ldaps://host[:636] or ldap://host[:389], asked in this order
    start_tls: bool = True  # with ldap://; without it only towards this very machine
    ca_certificates: str = ""  # PEM; empty: the system's
    bind_dn: str = ""  # the service account that searches; none with a direct bind
    bind_password: str = field(default="", repr=False)
    base_dn: str = ""
    user_filter: str = "(uid={login})"
    direct_dn: str = (
        ""  # such as uid={login},ou=people,dc=example,dc=org: bound to without a search before it
    )
    entry_attribute: str = "entryUUID"  # of the stable id; Active Directory: objectGUID
    name_attribute: str = "cn"
    email_attribute: str = "mail"
    phone_attribute: str = "telephoneNumber"
    tenant_attribute: str = ""
    groups: tuple[str, ...] = ()  # DNs of those that the mapping knows
    group_filter: str = "(member={dn})"  # may hold {login} too
    group_base: str = ""  # empty: base_dn
    nested: bool = False
    connect_timeout: float = 3.0  # seconds, for one server
    timeout: float = 10.0  # seconds, for a call as a whole, over all servers
    cache_seconds: int = 0  # ldap-cache-time: how long a right password is remembered
    negative_cache_seconds: int = 0  # ldap-negative-cache-time: how long the last wrong one of a person is
    change_password: bool = False


class Safety(StrEnum):
    """How a connection is protected."""

    LDAPS = "ldaps"
    START_TLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Address:
    """One server."""

    name: str  # as the configuration has it
    host: str
    port: int
    safety: Safety


def address_of(server: str, *, start_tls: bool) -> Address | None:
    """What this address stands for; None if it is none."""
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError:
        return None
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username, parts.password)
    if parts.scheme not in PORTS or not parts.hostname or any(rest):
        return None
    safety = Safety.LDAPS if parts.scheme == "ldaps" else Safety.START_TLS if start_tls else Safety.NONE
    return Address(name=server, host=parts.hostname, port=port or PORTS[parts.scheme], safety=safety)


class Fault(StrEnum):
    """Why nobody is asked with a configuration."""

    ADDRESS = "not an address of a server"
    PLAIN_TEXT = "plain text refused"
    AUTHORITIES = "authorities cannot be read"
    NO_ACCOUNT = "no service account"
    PERSON = "no place for the name"
    FILTER = "a filter cannot be read"
    GROUPS = "no place for the person in the filter of groups"


SENTENCES = {
    Fault.ADDRESS: _(
        "The address of a server has the form ldaps://host or ldap://host, with a port where it is not the usual one."
    ),
    Fault.PLAIN_TEXT: _(
        "Without encryption (ldaps:// or StartTLS) only a server on this very machine is asked."
    ),
    Fault.AUTHORITIES: _("The certificates of the authorities cannot be read. They are needed in PEM form."),
    Fault.NO_ACCOUNT: _("Enter a service account with its password, or how the DN of a person is made."),
    Fault.PERSON: _("The filter for persons, or their DN, needs the place {login} for the name."),
    Fault.FILTER: _(
        "A filter is not of the form (attribute=value), or of several such parts within (&…) or (|…)."
    ),
    Fault.GROUPS: _("The filter for groups needs the place {dn} or {login} for the person."),
}


@lru_cache(maxsize=64)
def fault_of(config: LdapConfig) -> Fault | None:
    """Why nobody is asked with this configuration; None when it fits."""
    addresses = [address_of(one, start_tls=config.start_tls) for one in config.servers]
    if not addresses or None in addresses:
        return Fault.ADDRESS
    if any(one and one.safety is Safety.NONE and not is_loopback(one.host) for one in addresses):
        return Fault.PLAIN_TEXT
    try:
        tls.context_of(config.ca_certificates)
    except (ssl.SSLError, ValueError):
        return Fault.AUTHORITIES
    if config.direct_dn:
        if LOGIN not in config.direct_dn or "=" not in config.direct_dn:
            return Fault.PERSON
    elif not (config.bind_dn and config.bind_password):
        return Fault.NO_ACCOUNT  # without a password the bind would be an anonymous one
    elif LOGIN not in config.user_filter:
        return Fault.PERSON  # whoever is found would be everybody
    if config.groups and not (DN in config.group_filter or LOGIN in config.group_filter):
        return Fault.GROUPS  # everybody would belong to all of them
    used = ([] if config.direct_dn else [config.user_filter]) + (
        [config.group_filter] if config.groups else []
    )
    return None if all(map(is_filter, used)) else Fault.FILTER


def is_filter(template: str) -> bool:
    """Whether this can be read as a filter, with something in its places."""
    try:
        search_operation(
            "",
            filled(template, login="x", dn="x"),
            ldap3.SUBTREE,
            ldap3.DEREF_NEVER,
            None,
            0,
            0,
            False,
            False,
            False,
        )
    except (LDAPExceptionError, ValueError):
        return False
    return True

"""LDAP: what is known of a directory (`LdapConfig`), and the engine that asks it (`LdapEngine`)."""

from configserver.engines.ldap.config import SENTENCES, Fault, LdapConfig, fault_of, is_filter
from configserver.engines.ldap.engine import LdapEngine
from configserver.engines.ldap.reading import Read, read_everybody
from configserver.engines.ldap.wire import ServerError

__all__ = [
    "SENTENCES",
    "Fault",
    "LdapConfig",
    "LdapEngine",
    "Read",
    "ServerError",
    "fault_of",
    "is_filter",
    "read_everybody",
]

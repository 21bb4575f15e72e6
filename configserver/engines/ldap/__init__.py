"""LDAP: what is known of a directory (`LdapConfig`), and the engine that asks it (`LdapEngine`)."""

from configserver.engines.ldap.config import SENTENCES, Fault, LdapConfig, fault_of
from configserver.engines.ldap.engine import LdapEngine

__all__ = ["SENTENCES", "Fault", "LdapConfig", "LdapEngine", "fault_of"]

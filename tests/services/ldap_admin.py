"""Whoever administers a test's LDAP directory: changes entries while the server runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import ldap3

from tests.services.ldap import BASE, Ldap

_ADMINISTRATOR, _PASSWORD = f"cn=admin,{BASE}", "of-the-admin-1"
Values = str | list[str]


@contextmanager
def _bound(server: Ldap) -> Iterator[ldap3.Connection]:
    at = ldap3.Server("127.0.0.1", server.port, get_info=ldap3.NONE)
    with ldap3.Connection(at, _ADMINISTRATOR, _PASSWORD, raise_exceptions=True) as connection:
        yield connection


def add(server: Ldap, dn: str, **values: Values) -> None:
    """A new entry."""
    with _bound(server) as connection:
        connection.add(dn, attributes=values)


def remove(server: Ldap, dn: str) -> None:
    """An entry goes."""
    with _bound(server) as connection:
        connection.delete(dn)


def change(server: Ldap, dn: str, **values: Values) -> None:
    """These attributes have these values from now on; an empty list: none."""
    changes = {
        name: [(ldap3.MODIFY_REPLACE, [value] if isinstance(value, str) else value)]
        for name, value in values.items()
    }
    with _bound(server) as connection:
        connection.modify(dn, changes)


def value_of(server: Ldap, dn: str, attribute: str) -> str:
    """The value of an attribute, operational ones too; empty when there is none."""
    with _bound(server) as connection:
        connection.search(dn, "(objectClass=*)", search_scope=ldap3.BASE, attributes=[attribute])
        found = connection.response[0]["attributes"].get(attribute) or ""
    return str(found[0] if isinstance(found, list) else found)


def rename(server: Ldap, dn: str, relative: str) -> None:
    """The entry has another name from now on, and stays the same entry."""
    with _bound(server) as connection:
        connection.modify_dn(dn, relative)

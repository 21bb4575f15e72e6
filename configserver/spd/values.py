"""What a role package holds, its bounds, and why one is not taken."""

import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 1_000_000  # bytes of a file
DEEPEST = 20  # elements within each other
MOST_ELEMENTS = 20_000
MOST_ROLES = 500
MOST_PRIVILEGES = 2_000  # of one role
MOST_PERMISSIONS = 200  # of one role
RANK_MAXIMUM = 100
RANK = 10  # of a role that says none
LAST_TENANT = 2**31 - 1  # the highest DBID; the first is 1
REACHES = ("own", "one", "every")
KIND = re.compile(r"[a-z*-]{1,20}")


class Fault(StrEnum):
    """Why a file is not taken: identifiers that never change. Beside each, what `detail` and `limit` hold."""

    TOO_LARGE = "too_large"  # limit: bytes
    NOT_UTF8 = "not_utf8"
    NUL = "nul"
    ENCODING = "encoding"  # detail: the one declared
    DTD = "dtd"
    XML = "xml"  # detail: what the parser says
    TOO_DEEP = "too_deep"  # limit
    TOO_MANY_ELEMENTS = "too_many_elements"  # limit
    NAMESPACE = "namespace"  # detail: the unknown one, or nothing where there is none
    NOT_A_PACKAGE = "not_a_package"  # detail: the outermost element
    SCHEMA_MALFORMED = "schema_malformed"  # detail: the version, as in the two that follow
    SCHEMA_EARLIER = "schema_earlier"
    SCHEMA_LATER = "schema_later"
    MISSING = "missing"  # or empty; detail: the element or attribute, as in the three that follow
    TWICE = "twice"
    TOO_LONG = "too_long"  # limit: characters
    NOT_PLAIN = "not_plain"  # more than one line, or characters that cannot be seen
    UNEXPECTED_ELEMENT = "unexpected_element"  # detail: the element
    UNEXPECTED_TEXT = "unexpected_text"
    UNKNOWN_ATTRIBUTE = "unknown_attribute"  # detail: the attribute
    RANK = "rank"  # detail: what stands there, as in the three that follow
    KIND = "kind"
    REACH = "reach"
    TENANT = "tenant"  # no DBID; or nothing, with the reach “one”; or something, with another one
    ROLE_TWICE = "role_twice"  # detail: its name
    PRIVILEGE_TWICE = "privilege_twice"  # in one role; detail: “application: name”
    PERMISSION_TWICE = "permission_twice"  # in one role; detail: kind and reach
    TOO_MANY_ROLES = "too_many_roles"  # limit
    TOO_MANY_PRIVILEGES = "too_many_privileges"  # limit: of one role
    TOO_MANY_PERMISSIONS = "too_many_permissions"  # limit: of one role
    NO_ROLES = "no_roles"
    SNAPSHOT_VERSION = "snapshot_version"  # kept by another release; detail: the version
    SNAPSHOT = "snapshot"  # not what was kept


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """Why a file is not taken, in which line, and what stands there: short enough to be shown, and of visible characters alone."""

    code: Fault
    line: int | None = None
    detail: str = ""
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class PrivilegeSpec:
    """One thing that people with the role may do in one application."""

    application: str
    name: str


@dataclass(frozen=True, kw_only=True)
class PermissionSpec:
    """What people with the role may see: a kind of object, and in which companies. Whoever knows the kinds checks this one."""

    kind: str
    reach: str
    tenant: int | None = None  # a DBID, with the reach “one” alone


@dataclass(frozen=True, kw_only=True)
class RoleSpec:
    """A role: what a package brings, and what there is to compare it with."""

    name: str
    rank: int = RANK
    description: str = ""
    privileges: tuple[PrivilegeSpec, ...] = ()
    permissions: tuple[PermissionSpec, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Package:
    """What a file brings. Name and version identify it; `passed_over` counts the steps in it that are not carried out."""

    name: str
    version: str
    description: str = ""
    summary: str = ""
    deploymentkey: str
    roles: tuple[RoleSpec, ...]
    passed_over: int = 0

"""Pure: reads a Solution Package Definition, an XML file that brings roles, and says what it would change.

`docs/role-packages.md` describes the format. Who writes such a file gives rights, so what is not understood is refused, with its line.
"""

from configserver.spd.difference import Difference, RoleChange, difference
from configserver.spd.reading import parse
from configserver.spd.snapshot import from_json, to_json
from configserver.spd.values import (
    LONGEST,
    Fault,
    Malformed,
    Package,
    PermissionSpec,
    PrivilegeSpec,
    RoleSpec,
)

__all__ = [
    "LONGEST",
    "Difference",
    "Fault",
    "Malformed",
    "Package",
    "PermissionSpec",
    "PrivilegeSpec",
    "RoleChange",
    "RoleSpec",
    "difference",
    "from_json",
    "parse",
    "to_json",
]

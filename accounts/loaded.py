"""What an external person was given at the last sign-in, as it is kept on the account: roles and permissions, companies by number."""

from collections.abc import Sequence
from typing import Any

from accounts.models import User
from configserver.values import Granted, Identity, Opened
from core import epoch
from tenants.granted import permission_of
from tenants.models import Kind, Permission, Role, SecondFactorPolicy
from tenants.rights import APPLICATION, OPEN_ADMIN
from tenants.roles import RoleGiven

_STRICTNESS = ("", *SecondFactorPolicy.values)
_ours_of = epoch.Cached[str, list[tuple[str, int | None]]](
    lambda name: list(Role.objects.filter(name=name).values_list("twofactor_policy", "company"))
)


def pack(identity: Identity, *, company_id: int) -> dict[str, Any]:
    """The roles and permissions of this person, to be kept."""
    policies = policies_of(identity.roles, company_id=company_id)
    return {
        "roles": [
            {
                "name": role.name,
                "rank": role.rank,
                "policy": policies[role.name],
                "privileges": sorted([application, name] for application, name in role.privileges),
                "permissions": _packed(role.permissions, company_id=company_id),
            }
            for role in identity.roles
        ],
        "permissions": _packed(identity.own.permissions, company_id=company_id),
    }


def _packed(opened: tuple[Opened, ...], *, company_id: int) -> list[list[Any]]:
    # A kind of object that this portal does not know opens nothing in it.
    known = (permission_of(one, loaded=company_id) for one in opened if one.kind in Kind.values)
    return [[one.kind, one.reach, one.company_id] for one in known if one is not None]


def policies_of(roles: Sequence[Granted], *, company_id: int | None) -> dict[str, str]:
    """The second-factor policy by role: that of the portal's role of the same name, else the one for administrators.

    A company's own role of that name makes it stricter, and never laxer: a company administrator may make one of any name.
    """
    found: dict[str, str] = {}
    for role in roles:
        ours = _ours_of(role.name)
        everywhere = next((policy for policy, company in ours if company is None), _by_default(role))
        own = next((policy for policy, company in ours if company is not None and company == company_id), "")
        found[role.name] = max(everywhere, own, key=_STRICTNESS.index)
    return found


def _by_default(role: Granted) -> str:
    opens_admin = (APPLICATION, OPEN_ADMIN) in role.privileges
    return SecondFactorPolicy.REQUIRED.value if opens_admin else ""


def _permissions(rows: list[list[Any]]) -> tuple[Permission, ...]:
    return tuple(
        Permission(kind=kind, reach=reach, company_id=company_id) for kind, reach, company_id in rows
    )


def roles_loaded(user: User) -> list[RoleGiven]:
    """The roles of an external person, the highest first."""
    return [
        RoleGiven(
            name=role["name"],
            rank=role["rank"],
            twofactor_policy=role["policy"],
            privileges=frozenset((application, name) for application, name in role["privileges"]),
            permissions=_permissions(role["permissions"]),
        )
        for role in user.loaded.get("roles", ())
    ]


def permissions_loaded(user: User) -> tuple[Permission, ...]:
    """What was given to the external person alone."""
    return _permissions(user.loaded.get("permissions", []))

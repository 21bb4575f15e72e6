"""What a role gives, held in memory under the epoch: few roles serve many people, and every change of one moves the epoch on."""

from dataclasses import dataclass

from core import epoch
from tenants.models import Permission, Role


@dataclass(frozen=True, kw_only=True)
class RoleGiven:
    """A role with everything that it gives to whoever has it."""

    name: str
    rank: int
    twofactor_policy: str
    privileges: frozenset[tuple[str, str]]
    permissions: tuple[Permission, ...]


def given_by(role: Role) -> RoleGiven:
    """What this role gives, from a row with its privileges and permissions."""
    return RoleGiven(
        name=role.name,
        rank=role.rank,
        twofactor_policy=role.twofactor_policy,
        privileges=frozenset((one.application, one.name) for one in role.privileges.all()),
        permissions=tuple(role.permissions.all()),
    )


def _load(pk: int) -> RoleGiven | None:
    role = Role.objects.prefetch_related("privileges", "permissions").filter(pk=pk).first()
    return None if role is None else given_by(role)


_roles = epoch.Cached[int, RoleGiven | None](_load)


def role_given(pk: int) -> RoleGiven | None:
    """The role of this number, as it was within the last second; None when there is none."""
    return _roles(pk)

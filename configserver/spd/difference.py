"""What changes when a package is applied or taken back: a value to look at first, and to carry out then."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from configserver.spd.values import PermissionSpec, PrivilegeSpec, RoleSpec

Spec = TypeVar("Spec")


@dataclass(frozen=True, kw_only=True)
class RoleChange:
    """One role that is there and becomes another."""

    before: RoleSpec
    after: RoleSpec

    @property
    def name(self) -> str:
        """The name, by which the two are the same role."""
        return self.after.name

    @property
    def privileges_added(self) -> tuple[PrivilegeSpec, ...]:
        """What people with the role may do from then on."""
        return _missing(self.after.privileges, self.before.privileges)

    @property
    def privileges_removed(self) -> tuple[PrivilegeSpec, ...]:
        """What they may do no longer."""
        return _missing(self.before.privileges, self.after.privileges)

    @property
    def permissions_added(self) -> tuple[PermissionSpec, ...]:
        """What people with the role may see from then on."""
        return _missing(self.after.permissions, self.before.permissions)

    @property
    def permissions_removed(self) -> tuple[PermissionSpec, ...]:
        """What they may see no longer."""
        return _missing(self.before.permissions, self.after.permissions)

    @property
    def is_other_rank(self) -> bool:
        """Whether the rank changes."""
        return self.before.rank != self.after.rank

    @property
    def is_other_description(self) -> bool:
        """Whether the description changes."""
        return self.before.description != self.after.description

    @property
    def is_of_rights(self) -> bool:
        """Whether people with the role get or lose anything; the order of privileges and permissions says nothing."""
        return bool(
            self.is_other_rank
            or self.privileges_added
            or self.privileges_removed
            or self.permissions_added
            or self.permissions_removed
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.is_other_description or self.is_of_rights)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The roles that come, go and change; and those made by hand that become the package's."""

    added: tuple[RoleSpec, ...] = ()
    removed: tuple[RoleSpec, ...] = ()
    changed: tuple[RoleChange, ...] = ()
    taken_over: tuple[str, ...] = ()  # names; changed or not, a later version that drops them removes them

    @property
    def is_empty(self) -> bool:
        """Whether no right changes."""
        return not (self.added or self.removed or self.changed)

    @property
    def privileges_added(self) -> int:
        """How many privileges are given, over all roles."""
        came = sum(len(role.privileges) for role in self.added)
        return came + sum(len(change.privileges_added) for change in self.changed)

    @property
    def privileges_removed(self) -> int:
        """How many privileges are taken away, over all roles."""
        went = sum(len(role.privileges) for role in self.removed)
        return went + sum(len(change.privileges_removed) for change in self.changed)


def difference(
    before: Sequence[RoleSpec], after: Sequence[RoleSpec], *, belonging: Collection[str]
) -> Difference:
    """What makes the roles of a package (`after`) out of all that there are (`before`).

    `belonging` names the roles that the package brought earlier: those that it no longer brings go. Roles of other names stay.
    """
    there = {role.name: role for role in before}
    coming = {role.name: role for role in after}
    both = [RoleChange(before=there[name], after=role) for name, role in coming.items() if name in there]
    return Difference(
        added=tuple(role for name, role in coming.items() if name not in there),
        removed=tuple(
            role for name, role in there.items() if name in frozenset(belonging) and name not in coming
        ),
        changed=tuple(change for change in both if not change.is_empty),
        taken_over=tuple(change.name for change in both if change.name not in belonging),
    )


def _missing(these: tuple[Spec, ...], those: tuple[Spec, ...]) -> tuple[Spec, ...]:
    known = frozenset(those)
    return tuple(one for one in these if one not in known)

"""The roles of a package and the rows of the database: read as plain values, and written as a difference says."""

from collections.abc import Collection, Iterable, Mapping

from configserver.models import Permission, Privilege, Role, Tenant
from configserver.services.voiding import void_roles
from configserver.spd import Difference, PermissionSpec, PrivilegeSpec, RoleChange, RoleSpec

Pair = tuple[str, str]
_PrivilegeOfRole = Role.privileges.through


def roles_named(names: Collection[str], *, locked: bool = False) -> tuple[RoleSpec, ...]:
    """The roles of these names as they are; inside a unit `locked`, so that nobody changes or gives them until its end."""
    rows = Role.objects.filter(name__in=names).order_by("pk")
    if locked:
        list(rows.select_for_update().values_list("pk", flat=True))
    return tuple(map(_spec, rows.prefetch_related("privileges", "permissions__tenant")))


def _spec(role: Role) -> RoleSpec:
    permissions = (
        PermissionSpec(kind=one.kind, reach=one.reach, tenant=one.tenant.dbid if one.tenant else None)
        for one in role.permissions.all()
    )
    return RoleSpec(
        name=role.name,
        rank=role.rank,
        description=role.description,
        privileges=tuple(
            PrivilegeSpec(application=one.application, name=one.name) for one in role.privileges.all()
        ),
        permissions=tuple(dict.fromkeys(permissions)),  # made by hand, one may be there twice
    )


def carry_out(difference: Difference) -> None:
    """Inside a unit: make what is there into what the difference says, and end what people with changed roles hold."""
    Role.objects.filter(name__in=[one.name for one in difference.removed]).delete()
    roles = {
        role.name: role for role in Role.objects.filter(name__in=[one.name for one in difference.changed])
    }
    for spec in difference.added:
        roles[spec.name] = Role.objects.create(name=spec.name, rank=spec.rank, description=spec.description)
    for change in difference.changed:
        _take(roles[change.name], change)
    gained = [(one.name, one.privileges, one.permissions) for one in difference.added]
    gained += [(one.name, one.privileges_added, one.permissions_added) for one in difference.changed]
    _give(roles, gained)
    void_roles([roles[one.name] for one in difference.changed if one.is_of_rights])


def _take(role: Role, change: RoleChange) -> None:
    role.rank, role.description = change.after.rank, change.after.description
    role.save(update_fields=["rank", "description"])
    lost = privileges_of(change.privileges_removed)
    _PrivilegeOfRole._default_manager.filter(role=role, privilege__in=lost.values()).delete()
    tenants = tenants_of(change.permissions_removed)
    for one in change.permissions_removed:
        rows = role.permissions.filter(kind=one.kind, reach=one.reach)
        rows.filter(tenant=tenants.get(one.tenant or 0)).delete()


def _give(
    roles: Mapping[str, Role],
    gained: Iterable[tuple[str, tuple[PrivilegeSpec, ...], tuple[PermissionSpec, ...]]],
) -> None:
    gained = list(gained)
    wanted = sorted({(one.application, one.name) for _role, given, _seen in gained for one in given})
    rows = [Privilege(application=application, name=name) for application, name in wanted]
    Privilege.objects.bulk_create(rows, ignore_conflicts=True)
    known = privileges_of(one for _role, given, _seen in gained for one in given)
    _PrivilegeOfRole._default_manager.bulk_create(
        _PrivilegeOfRole(role_id=roles[name].pk, privilege_id=known[one.application, one.name])
        for name, given, _seen in gained
        for one in given
    )
    tenants = tenants_of(one for _role, _given, seen in gained for one in seen)
    Permission.objects.bulk_create(
        Permission(role=roles[name], kind=one.kind, reach=one.reach, tenant=tenants.get(one.tenant or 0))
        for name, _given, seen in gained
        for one in seen
    )


def privileges_of(specs: Iterable[PrivilegeSpec]) -> dict[Pair, int]:
    """The numbers of these privileges, as far as there are any."""
    wanted = {(one.application, one.name) for one in specs}
    rows = Privilege.objects.filter(application__in={application for application, _name in wanted})
    return {
        (application, name): pk
        for pk, application, name in rows.values_list("pk", "application", "name")
        if (application, name) in wanted
    }


def tenants_of(specs: Iterable[PermissionSpec]) -> dict[int, Tenant]:
    """The tenants that these permissions name, by DBID, as far as there are any."""
    return Tenant.objects.in_bulk({one.tenant for one in specs if one.tenant is not None}, field_name="dbid")

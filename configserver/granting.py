"""What roles give to external persons; what each role gives is held in memory under the epoch."""

from collections.abc import Iterable

from configserver.models import Permission, Person, Role
from configserver.values import Granted, Opened
from core import epoch
from core.prepared import Select, Slot


def opened_by(permission: Permission) -> Opened:
    """What this permission opens."""
    tenant = permission.tenant.dbid if permission.tenant is not None else None
    return Opened(kind=permission.kind, reach=permission.reach, tenant=tenant)


def granted_by(role: Role) -> Granted:
    """What this role gives, read now."""
    return Granted(
        name=role.name,
        rank=role.rank,
        privileges=frozenset(role.privileges.values_list("application", "name")),
        permissions=tuple(opened_by(one) for one in role.permissions.select_related("tenant")),
    )


def _load(pk: int) -> Granted | None:
    role = Role.objects.filter(pk=pk).first()
    return None if role is None else granted_by(role)


_roles = epoch.Cached[int, Granted | None](_load)


_ROLES = Select(
    lambda: Person.roles.through._default_manager.filter(person=Slot("person")).values_list(
        "role_id", flat=True
    )
)
_OWN = Select(lambda: Permission.objects.select_related("tenant").filter(person=Slot("person")))


def own_of(person: Person) -> Granted:
    """What was given to this person alone."""
    return Granted(permissions=tuple(opened_by(one) for one in _OWN(person=person.pk)))


def granted_to(person: Person, *, mapped: Iterable[int] = ()) -> tuple[tuple[Granted, ...], Granted]:
    """What the person's roles and those of his groups in the directory give, the highest first; and what is the person's own."""
    numbers = set(_ROLES(person=person.pk)) | set(mapped)
    found = [role for role in map(_roles, sorted(numbers)) if role is not None]
    roles = tuple(sorted(found, key=lambda role: (-role.rank, role.name)))
    return roles, own_of(person)

"""What roles give to external persons; what each role gives is held in memory under the epoch."""

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import Exists, OuterRef, Q, QuerySet

from configserver.models import DirectoryGroup, Group, Permission, Person, Reach, Role
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
_BROUGHT = Select(
    lambda: _gives_to(Group.objects.filter(members=Slot("person"))).values_list("role_id", flat=True)
)
_OWN = Select(lambda: Permission.objects.select_related("tenant").filter(person=Slot("person")))


def _gives_to(groups: QuerySet[Group]) -> QuerySet[DirectoryGroup]:
    """What is mapped to the names of these groups of identity providers."""
    return DirectoryGroup.objects.filter(
        Exists(groups.filter(directory=OuterRef("directory"), name=OuterRef("group")))
    )


def roles_held(persons: QuerySet[Person]) -> QuerySet[Role]:
    """The roles of these persons, and those of their groups: of a directory as it said at the last sign-in, if it still can give them."""
    numbers: set[int] = set().union(*persons.exclude(mapped=[]).values_list("mapped", flat=True))
    said = Q(pk__in=numbers, groups__isnull=False)
    brought = Q(groups__in=_gives_to(Group.objects.filter(members__in=persons)))
    return Role.objects.filter(Q(persons__in=persons) | said | brought).distinct()


def own_of(person: Person) -> Granted:
    """What was given to this person alone."""
    return Granted(permissions=tuple(opened_by(one) for one in _OWN(person=person.pk)))


def _given_in(granted: Granted, dbid: int) -> Granted:
    """The same, as it was given to somebody of the tenant with this DBID."""
    opened = (replace(one, tenant=dbid) if one.reach == Reach.OWN else one for one in granted.permissions)
    return replace(granted, permissions=tuple(opened))


def granted_to(person: Person, *, mapped: Iterable[int] = ()) -> tuple[tuple[Granted, ...], Granted]:
    """What the person's roles and those of his groups in the directory give, the highest first; and what is the person's own.

    Groups give what they give wherever the directory says that the person belongs; a name was given it in the tenant that keeps it.
    """
    held, own, brought = _read((person.pk, person.version, person.source_id is not None))
    return _summed(person, held, own, mapped=[*mapped, *brought])


def granted_at_sign_in(person: Person, *, mapped: Iterable[int] = ()) -> tuple[tuple[Granted, ...], Granted]:
    """The same, as it was read for this version of the person: whatever takes something away counts the version up."""
    held, own, brought = _kept((person.pk, person.version, person.source_id is not None))
    return _summed(person, held, own, mapped=[*mapped, *brought])


_Key = tuple[int, int, bool]  # the number of a person, its version, and whether a directory brought it
_Kept = tuple[
    list[int], Granted, list[int]
]  # roles by name, what is the person's own, roles of groups that were brought


def _read(key: _Key) -> _Kept:
    person, _version, was_brought = key
    own = Granted(permissions=tuple(opened_by(one) for one in _OWN(person=person)))
    return _ROLES(person=person), own, _BROUGHT(person=person) if was_brought else []


_kept = epoch.Cached[_Key, _Kept](_read)


def _summed(
    person: Person, held: Iterable[int], own: Granted, *, mapped: Iterable[int]
) -> tuple[tuple[Granted, ...], Granted]:
    groups, dbid = set(mapped), person.tenant.dbid
    found = [role for role in map(_roles, sorted(groups)) if role is not None]
    found += [_given_in(role, dbid) for role in map(_roles, sorted(set(held) - groups)) if role is not None]
    roles = tuple(sorted(found, key=lambda role: (-role.rank, role.name)))
    return roles, _given_in(own, dbid)

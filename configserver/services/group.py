"""The verbs on groups that an identity provider keeps here: who is in one, it says; what one gives, the directory maps."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.models import Directory, Group, Person
from configserver.services.voiding import void
from core import epoch
from core.contacts import NAME_LENGTH, key_of
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied

NAME_TAKEN = Denied(
    code="name_taken", field="name", message=_("The directory has brought a group of this name already.")
)
REF_TAKEN = Denied(
    code="name_taken", field="source_ref", message=_("The directory has brought a group of this id already.")
)
NO_MEMBER = Denied(code="invalid", field="members", message=_("There is no such person of this directory."))
MEANWHILE = Denied(
    code="conflict", message=_("The group was changed in the meantime. Nothing was changed now.")
)
LINES = {"name": NAME_LENGTH, "source_ref": 255}


@dataclass(frozen=True, kw_only=True)
class Members:
    """Who comes and who goes, by their ids; with `whole`, everybody else goes."""

    add: frozenset[UUID] = frozenset()
    remove: frozenset[UUID] = frozenset()
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class GroupDraft:
    """What can be given for a group; `KEEP` leaves a field as it is."""

    name: str = KEEP
    source_ref: str = KEEP


def _checked(draft: GroupDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    for name, longest in LINES.items():
        if name in values:
            text = line(values[name], field=name, longest=longest, empty=name == "source_ref")
            if isinstance(text, Denied):
                return text
            values[name] = text
    if "name" in values:
        values["name_key"] = key_of(values["name"])
    return values


def _refuse_ref(directory: Directory, values: dict[str, Any], group: Group | None) -> Denied | None:
    ref = values.get("source_ref", "")
    same = Group.objects.filter(directory=directory, source_ref=ref)
    if group is not None:
        same = same.exclude(pk=group.pk)
    return REF_TAKEN if ref and same.exists() else None


def create_group(
    directory: Directory, draft: GroupDraft, members: Members, *, by: Administrator, now: datetime
) -> Group | Denied:
    """Make a group of this directory."""
    values = _checked(GroupDraft(**({"name": ""} | given(draft))))
    if isinstance(values, Denied):
        return values
    if not by.is_directory(directory.uid):
        return FORBIDDEN
    try:
        with unit():
            coming = _refuse_ref(directory, values, None) or _persons(directory, members.add)
            if isinstance(coming, Denied):
                return coming
            group = Group.objects.create(directory=directory, **values)
            _let_in(group, coming, now=now)
            _record(Event.DIRECTORY_GROUP_CREATED, group, by=by, now=now, added=len(coming))
    except IntegrityError:
        return NAME_TAKEN
    return group


def change_group(
    group: Group,
    draft: GroupDraft,
    members: Members,
    *,
    by: Administrator,
    now: datetime,
    seen: datetime | None = None,
) -> Group | Denied:
    """Change what is given, and who is in it. Whoever gains or loses a role by it signs in again.

    With `seen`, refused when it is not as it was when it was last changed at that time.
    """
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _locked(group)
            if found is None or not by.is_directory(found.directory.uid):
                return NOT_FOUND
            if seen not in {None, found.changed_at}:
                return MEANWHILE
            if members.add or members.remove or members.whole:
                _hold(found, members)
            coming = _refuse_ref(found.directory, values, found) or _persons(found.directory, members.add)
            if isinstance(coming, Denied):
                return coming
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            _rename(found, changed, now=now)
            gone = _let_go(found, members, keep=coming, now=now)
            come = _let_in(found, coming, now=now)
            if changed or gone or come:
                found.save()
                epoch.bump()
                fields = sorted(changed.keys() - {"name_key"})
                _record(
                    Event.DIRECTORY_GROUP_CHANGED,
                    found,
                    by=by,
                    now=now,
                    fields=fields,
                    added=come,
                    removed=gone,
                )
    except IntegrityError:
        return NAME_TAKEN
    return found


def delete_group(
    group: Group, *, by: Administrator, now: datetime, seen: datetime | None = None
) -> Denied | None:
    """Delete a group, with `seen` only as it was then; its people lose what it gave."""
    with unit():
        found = _locked(group)
        if found is None or not by.is_directory(found.directory.uid):
            return NOT_FOUND
        if seen not in {None, found.changed_at}:
            return MEANWHILE
        gone = _let_go(found, Members(whole=True), keep=set(), now=now)
        _record(Event.DIRECTORY_GROUP_DELETED, found, by=by, now=now, removed=gone)
        epoch.bump()
        found.delete()
    return None


def _locked(group: Group) -> Group | None:
    return (
        Group.objects.select_for_update(of=("self",)).select_related("directory").filter(pk=group.pk).first()
    )


def _hold(group: Group, members: Members) -> None:
    """Inside a unit: hold everybody who comes or goes, in one order, before any of them is touched."""
    whom = Q(uid__in=members.add | members.remove) | (Q(group=group) if members.whole else Q())
    list(Person.objects.select_for_update(of=("self",)).filter(whom).order_by("pk").values_list("pk"))


def _persons(directory: Directory, uids: Collection[UUID]) -> set[int] | Denied:
    """The numbers of these persons, all of whom the directory has brought."""
    rows = Person.objects.filter(source=directory, uid__in=uids)
    found = set(rows.values_list("pk", flat=True)) if uids else set()
    return found if len(found) == len(uids) else NO_MEMBER


def _gives(group: Group) -> bool:
    """Whether the directory maps a role to its name."""
    return group.directory.groups.filter(group=group.name).exists()


def _touch(persons: QuerySet[Person], *, gives: bool, now: datetime) -> None:
    # What is shown of them has changed, for their groups are shown with them.
    persons.update(changed_at=now)
    if gives:
        void(persons)


def _rename(group: Group, changed: dict[str, Any], *, now: datetime) -> None:
    gave = _gives(group)
    for name, value in changed.items():
        setattr(group, name, value)
    if "name" in changed:
        _touch(Person.objects.filter(group=group), gives=gave or _gives(group), now=now)


def _let_in(group: Group, coming: Collection[int], *, now: datetime) -> int:
    """Let these in who are not in it yet; how many they were."""
    there = set(group.members.filter(pk__in=coming).values_list("pk", flat=True)) if coming else set()
    new = [one for one in coming if one not in there]
    places = group.members.through
    places._default_manager.bulk_create([places(group_id=group.pk, person_id=one) for one in new])
    if new:
        _touch(Person.objects.filter(pk__in=new), gives=_gives(group), now=now)
    return len(new)


def _let_go(group: Group, members: Members, *, keep: Collection[int], now: datetime) -> int:
    """Let those go who are to; how many they were."""
    places = group.members.through._default_manager.filter(group=group)
    places = (
        places.exclude(person__in=keep) if members.whole else places.filter(person__uid__in=members.remove)
    )
    _touch(Person.objects.filter(pk__in=places.values("person")), gives=_gives(group), now=now)
    return places.delete()[0]


def _record(event: Event, group: Group, *, by: Administrator, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, subject=group, directory=group.directory.name, **details)

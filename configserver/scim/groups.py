"""Groups of SCIM: those that the caller's directory has brought."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from configserver import services
from configserver.models import Group
from configserver.scim.asked import Asked
from configserver.scim.caller import Provider
from configserver.scim.errors import ScimError, invalid
from configserver.scim.filters import Compare
from configserver.scim.patch import Step, read_patch
from configserver.scim.resources import group_shown
from configserver.scim.schemas import GROUPS, read_resource
from configserver.services import GroupDraft, Members
from core.draft import KEEP
from core.outcomes import Denied

MOST_MEMBERS = 50_000  # in one answer


class Groups:
    """The verbs on groups as the SCIM server calls them."""

    kind = GROUPS
    names: Mapping[str, str] = {"name": "displayName", "source_ref": "externalId", "members": "members"}
    answers_patch = False  # a group may have very many members

    def rows(self, by: Provider) -> QuerySet[Group]:
        """What there is for the caller."""
        return by.groups

    def shown(self, rows: Sequence[Group], asked: Asked, *, base: str) -> list[dict[str, Any]]:
        """These groups as resources; raises ScimError (`tooMany`) when their members are too many for one answer."""
        members: dict[int, list[dict[str, Any]]] = {}
        if asked.sees("members"):
            places = Group.members.through._default_manager.filter(
                group__in=[one.pk for one in rows]
            ).order_by("pk")
            found = list(places.values("group_id", "person__uid", "person__display_name")[: MOST_MEMBERS + 1])
            if len(found) > MOST_MEMBERS:
                raise ScimError(
                    400,
                    "These are too many members for one answer: say excludedAttributes=members.",
                    scim_type="tooMany",
                )
            for one in found:
                members.setdefault(one["group_id"], []).append(
                    {"uid": one["person__uid"], "display_name": one["person__display_name"]}
                )
        return [asked.cut(group_shown(one, members.get(one.pk), base=base), GROUPS) for one in rows]

    def create(self, body: Any, *, by: Provider, now: datetime) -> Group | Denied:
        """Bring a group."""
        draft, members = _whole(body)
        return services.create_group(by.directory, draft, members, by=by, now=now)

    def put(
        self, group: Group, body: Any, *, by: Provider, seen: datetime | None, now: datetime
    ) -> Group | Denied:
        """Put the resource in the place of what was there."""
        draft, members = _whole(body)
        return services.change_group(group, draft, members, by=by, seen=seen, now=now)

    def patch(
        self, group: Group, body: Any, *, by: Provider, seen: datetime | None, now: datetime
    ) -> Group | Denied:
        """Apply the operations. Members come and go without those who stay being read."""
        draft, members = _changes(read_patch(body, GROUPS))
        return services.change_group(group, draft, members, by=by, seen=seen, now=now)

    def delete(self, group: Group, *, by: Provider, seen: datetime | None, now: datetime) -> Denied | None:
        """Delete a group."""
        return services.delete_group(group, by=by, seen=seen, now=now)


def _whole(body: Any) -> tuple[GroupDraft, Members]:
    found = read_resource(body, GROUPS)
    draft = GroupDraft(name=found["displayName"], source_ref=found.get("externalId", ""))
    return draft, Members(add=_ids(found.get("members", [])), whole=True)


def _changes(steps: Sequence[Step]) -> tuple[GroupDraft, Members]:
    """What the operations, one after the other, come to."""
    values: dict[str, Any] = {"name": KEEP, "source_ref": KEEP}
    add, remove, whole = set[UUID](), set[UUID](), False
    for step in steps:
        if step.place.attribute.name != "members":
            name = "name" if step.place.attribute.name == "displayName" else "source_ref"
            if name == "name" and (step.op == "remove" or not step.value):
                raise ScimError(400, "displayName cannot be empty.", scim_type="mutability")
            values[name] = "" if step.op == "remove" else step.value or ""
            continue
        if step.place.sub is not None:
            raise ScimError(400, "Members come and go as a whole.", scim_type="invalidPath")
        named = _chosen(step) if step.chosen is not None else _ids(step.value or [])
        if step.op == "remove" and step.chosen is None and step.value is None:
            add, remove, whole = set(), set(), True
        elif step.op == "remove":
            add, remove = add - named, remove | named
        elif step.op == "replace" and step.chosen is None:
            add, remove, whole = set(named), set(), True
        else:
            add, remove = add | named, remove - named
    return GroupDraft(**values), Members(add=frozenset(add), remove=frozenset(remove), whole=whole)


def _chosen(step: Step) -> frozenset[UUID]:
    chosen = step.chosen
    if not isinstance(chosen, Compare) or chosen.op != "eq" or chosen.path.name != "value":
        raise ScimError(400, 'Write members[value eq "…"].', scim_type="invalidFilter")
    return _ids([{"value": chosen.value}])


def _ids(members: Sequence[Mapping[str, Any]]) -> frozenset[UUID]:
    found = set()
    for one in members:
        if one.get("type", "User") != "User":
            raise invalid("Only users can be members.")
        try:
            found.add(UUID(str(one.get("value", ""))))
        except ValueError as error:
            raise invalid("A member is named by the id of a user.") from error
    return frozenset(found)

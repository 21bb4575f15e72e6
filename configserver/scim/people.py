"""Users of SCIM: persons whom the caller's directory has brought."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, prefetch_related_objects

from configserver import services
from configserver.models import Person
from configserver.scim.asked import Asked
from configserver.scim.caller import Provider
from configserver.scim.patch import Step, patched, read_patch
from configserver.scim.resources import ATTRIBUTES, person_draft, person_shown, person_written
from configserver.scim.schemas import USERS, read_resource
from configserver.services import PersonDraft
from configserver.services.person import MEANWHILE, NOT_FOUND
from core.options import Snapshot
from core.outcomes import Denied

NO_SETTINGS = Snapshot({}, pinned=frozenset())  # no password is given here, so no rule about one is asked
TRIES = 5


def _renamed(resource: dict[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    """The patched resource; without the display name it had, when the operations gave the person another one under another name."""
    formatted = resource.get("name", {}).get("formatted")
    named = any(one.place.attribute.name == "displayName" for one in steps)
    return resource if named or not formatted else {**resource, "displayName": formatted}


class People:
    """The verbs on persons as the SCIM server calls them."""

    kind = USERS
    names = ATTRIBUTES
    answers_patch = True

    def rows(self, by: Provider) -> QuerySet[Person]:
        """What there is for the caller."""
        return by.persons

    def shown(self, rows: Sequence[Person], asked: Asked, *, base: str) -> list[dict[str, Any]]:
        """These persons as resources."""
        sees_groups = asked.sees("groups")
        if sees_groups:
            prefetch_related_objects(list(rows), "group_set")
        return [
            asked.cut(person_shown(one, one.group_set.all() if sees_groups else (), base=base), USERS)
            for one in rows
        ]

    def create(self, body: Any, *, by: Provider, now: datetime) -> Person | Denied:
        """Bring a person."""
        draft = replace(person_draft(read_resource(body, USERS)), tenant=by.tenant, source=by.directory)
        return services.create_person(draft, password="", environment=NO_SETTINGS, by=by, now=now)

    def put(
        self, person: Person, body: Any, *, by: Provider, seen: datetime | None, now: datetime
    ) -> Person | Denied:
        """Put the resource in the place of what was there; what says nothing of being active leaves that as it is."""
        return self._change(
            person, person_draft(read_resource(body, USERS), new=False), by=by, seen=seen, now=now
        )

    def patch(
        self, person: Person, body: Any, *, by: Provider, seen: datetime | None, now: datetime
    ) -> Person | Denied:
        """Apply the operations to the person as it is now, and not as it was a moment ago."""
        steps = read_patch(body, USERS)
        found: Person | Denied = person
        for _try in range(TRIES):
            draft = person_draft(_renamed(patched(person_written(person), steps), steps))
            found = self._change(person, draft, by=by, seen=seen or person.changed_at, now=now)
            if found is not MEANWHILE or seen is not None:
                break
            again = by.persons.filter(pk=person.pk).first()
            if again is None:
                return NOT_FOUND
            person = again
        return found

    def delete(self, person: Person, *, by: Provider, seen: datetime | None, now: datetime) -> Denied | None:
        """Delete a person."""
        return services.delete_person(person, by=by, seen=seen, now=now)

    def _change(
        self, person: Person, draft: PersonDraft, *, by: Provider, seen: datetime | None, now: datetime
    ) -> Person | Denied:
        return services.change_person(person, draft, by=by, seen=seen, now=now)

"""Whether what was granted to a person still stands: asked at every request of an external person, and so held in memory."""

from collections.abc import Sequence
from uuid import UUID

from configserver.models import Person
from core import epoch

_versions = epoch.Cached[UUID, int | None](
    lambda uid: Person.objects.filter(uid=uid).values_list("version", flat=True).first()
)


def version_of(uid: UUID) -> int | None:
    """The version of this person, as it was within the last second; None when there is nobody any more."""
    return _versions(uid)


def versions_of(uids: Sequence[UUID]) -> dict[UUID, int]:
    """The versions of these persons, read now; who is missing is nobody any more."""
    return dict(Person.objects.filter(uid__in=uids).values_list("uid", "version"))

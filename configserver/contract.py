"""What the portal asks of the Configuration Server: the same of the embedded one (`configserver.service`) and of a remote one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from configserver.engines.base import Refused, Unreachable
from configserver.values import Identity, Question
from core.options import Snapshot, Value
from core.outcomes import Denied

Answer = Identity | Question | Refused | Unreachable


@dataclass(frozen=True, kw_only=True)
class PasswordSet:
    """The new password is in force; sessions that go on do so under this version of the person."""

    version: int


@dataclass(frozen=True, kw_only=True)
class About:
    """What is asked of a person who is known by the id that stays."""

    engine: str  # internal, or the id of the directory that proves the password
    login: str  # the name under which a directory knows the person
    may_change: (
        bool  # whether the password can be changed through us: it is kept here, or its directory allows it
    )
    rules: tuple[str, ...] = ()  # what a new password must keep, in words; none where a directory has its own


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How far a Configuration Server is filled, for whoever sets one up."""

    package: str = ""  # the role package that was applied last and is in force
    has_roles: bool = False  # any directory role, however it was made
    peopled: tuple[tuple[int, str], ...] = ()  # DBID and name of tenants that have persons


class ConfigurationServer(Protocol):
    """Who a person is, and what was granted to him. `environment` holds the rules of ENVIRONMENT for an embedded one."""

    def authenticate(self, name: str, password: str, *, environment: Snapshot, now: datetime) -> Answer:
        """Whether this is the password of the person of this name. Nobody, disabled and wrong: one answer, at one cost."""

    def answer(
        self, person_uid: UUID, state: str, given: str, *, environment: Snapshot, now: datetime
    ) -> Answer:
        """What follows on a person's answer to the question that the directory asked."""

    def set_password(
        self, person_uid: UUID, *, version: int, current: str, new: str, environment: Snapshot, now: datetime
    ) -> PasswordSet | Denied | Refused | Unreachable:
        """Put the person's own new password in the place of the current one. Unreachable: a due change stays due."""

    def about(self, person_uid: UUID, *, environment: Snapshot) -> About | Unreachable | None:
        """What is known of this person; None when there is nobody."""

    def version_of(self, uid: UUID) -> int | None:
        """The version of this person, as it was within the last second; None when there is nobody, or nobody knows any more."""

    def versions_of(self, uids: Sequence[UUID]) -> dict[UUID, int]:
        """The versions of these persons, read now; who is missing is nobody any more. Raises core.errors.Unavailable."""

    def summary(self) -> Summary | Unreachable:
        """How far it is filled."""

    def rules_above(self, dbid: int | None) -> dict[str, Value]:
        """The rules about passwords that the tenant with this DBID, or one above it, decides."""

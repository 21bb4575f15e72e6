"""Somebody's objects as a request names them: those that are there, and others that are not."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Model

from accounts.models import ApiKey, Browser, Integration, IntegrationKey, JoinLink, Session, User
from audit.models import AuditEvent
from cobrowse.models import Application, CobrowseSession
from delivery.models import Delivery
from login.models import Attempt, HelpRequest
from oidc.models import Client
from tenants.models import Company, Permission, Privilege, Role, SettingsRevision
from tests.isolation import outside
from twofactor.models import Factor

# The kinds of object that belong to a company, by the class that holds them. A class that is chosen in a form or a body and is
# missing here fails the walk.
KINDS: dict[type[Model], str] = {
    Company: "company",
    User: "user",
    Role: "role",
    Permission: "permission",
    Session: "session",
    Integration: "integration",
    IntegrationKey: "integrationkey",
    Client: "client",
    ApiKey: "apikey",
    SettingsRevision: "revision",
    AuditEvent: "event",
    Delivery: "delivery",
    Factor: "factor",
    Browser: "browser",
    JoinLink: "joinlink",
    Application: "application",
    CobrowseSession: "cobrowse",
    HelpRequest: "helprequest",
    Attempt: "attempt",
    Privilege: "privilege",
    **outside.KINDS,
}
SHARED = "privilege"  # one catalogue for all; everybody who may sees the same
# Whoever gives rights may name every one of these: what they give is bounded by his own, which test_rank.py tries.
FOR_ALL = frozenset({SHARED, "directoryrole"})
FIRST = 5_000_000  # numbers of ours begin here, so that one in an answer is no accident
SECRET = "secretmark"  # in what nobody is ever shown: password hashes, fingerprints, contents of mails


class Them:
    """Somebody's objects, as a request names them."""

    word: str  # the beginning of every text of theirs

    def uid(self, kind: str) -> str:
        """The id that the outside knows."""
        raise NotImplementedError

    def pk(self, kind: str) -> int:
        """The number in the database, which the administration uses."""
        raise NotImplementedError

    def text(self, kind: str) -> str:
        """Its name."""
        raise NotImplementedError

    @property
    def dbid(self) -> int:
        """The number by which their tenant is named."""
        return self.pk("tenant")

    @property
    def digits(self) -> str:
        """The nine digits of their co-browse session."""
        raise NotImplementedError

    def is_shared(self, kind: str) -> bool:
        """Whether it is one of those that the migrations made and everybody shares: privileges and built-in roles."""
        return self.pk(kind) < FIRST

    def names(self) -> Iterator[str]:
        """Everything by which a request can name one of them, the longest first."""
        found = {self.word, self.digits}
        for kind in KINDS.values():
            if not self.is_shared(kind):
                found |= {self.uid(kind), str(self.pk(kind)), self.text(kind)}
        yield from sorted(found, key=len, reverse=True)


@dataclass
class Things(Them):
    """Objects that are there."""

    word: str
    objects: dict[str, Any] = field(default_factory=dict)
    more: list[Any] = field(default_factory=list)  # found by nobody's request, and just as secret
    also: dict[str, list[Any]] = field(default_factory=dict)  # further objects of theirs, by kind

    def uid(self, kind: str) -> str:
        return str(getattr(self.objects[kind], "uid", self.objects[kind].pk))

    def pk(self, kind: str) -> int:
        return int(self.objects[kind].pk)

    @property
    def digits(self) -> str:
        return str(self.objects["cobrowse"].token)

    def each(self, kind: str) -> "Iterator[Things]":
        """These things, and once more with each further object of this kind in the place of the first."""
        yield self
        for one in self.also.get(kind, ()):
            yield replace(self, objects={**self.objects, kind: one})

    def text(self, kind: str) -> str:
        found = (getattr(self.objects[kind], name, "") for name in ("username", "name", "to"))
        return next(
            (text for text in found if isinstance(text, str) and text.startswith(self.word)), self.word
        )


class Nothing(Them):
    """Objects that are not there, named like those that are."""

    def __init__(self, there: Them) -> None:
        self.word = "".join(
            chr(ord("a") + (ord(one) - ord("a") + 7) % 26) if one.islower() else one for one in there.word
        )
        self._there = there
        self._uids = {kind: str(uuid.uuid4()) for kind in KINDS.values()}
        self._pks = {kind: 8_800_000 + number for number, kind in enumerate(KINDS.values())}

    @property
    def digits(self) -> str:
        return "8" + self._there.digits[1:]

    def uid(self, kind: str) -> str:
        if self._there.is_shared(kind):
            return self._there.uid(kind)
        return str(self._pks[kind]) if kind == "event" else self._uids[kind]

    def pk(self, kind: str) -> int:
        return self._there.pk(kind) if self._there.is_shared(kind) else self._pks[kind]

    def text(self, kind: str) -> str:
        return self._there.text(kind).replace(self._there.word, self.word)

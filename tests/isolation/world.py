"""Two companies and the installation above them, with a mark in every text of theirs, so that a leak can be seen."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import Model
from django.utils import timezone

from accounts.models import Browser, Session, SessionKind, User
from accounts.people import Person, change_user
from accounts.sessions import Client, start_session
from accounts.tokens.issue import TokenPair, token_pair
from audit.models import AuditEvent
from configserver import models as outside
from core import sealed
from core.models import Epoch
from delivery.models import Delivery, State
from login.models import Attempt
from tenants import services
from tenants.actor import system_actor
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role, SettingsRevision
from tests import cast
from tests.isolation.database import state
from twofactor.models import Challenge, Factor, FactorKind

# The kinds of object that belong to a company, by the class that holds them. A class that is chosen in a form or a body and is
# missing here fails the walk.
KINDS: dict[type[Model], str] = {
    Company: "company",
    User: "user",
    Role: "role",
    Permission: "permission",
    Session: "session",
    SettingsRevision: "revision",
    AuditEvent: "event",
    Delivery: "delivery",
    Factor: "factor",
    Browser: "browser",
    Privilege: "privilege",
    outside.Person: "person",
    # Of the whole installation: a company sees none of them, but gives its people the roles.
    outside.Tenant: "tenant",
    outside.Directory: "directory",
    outside.Role: "directoryrole",
    outside.Permission: "directorypermission",
    outside.SolutionPackage: "package",
}
SHARED = "privilege"  # one catalogue for all; everybody who may sees the same
FOR_ALL = frozenset({SHARED, "directoryrole"})  # whoever gives rights may name every one of these
FIRST = 5_000_000  # numbers of ours begin here, so that one in an answer is no accident
SECRET = "secretmark"  # in what nobody is ever shown: password hashes, fingerprints, contents of mails
_versions = count(1_000, 1_000)


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

    def is_shared(self, kind: str) -> bool:
        """Whether it is one that everybody shares: a privilege, a built-in role, a role of external people."""
        return self.pk(kind) < FIRST

    def names(self) -> Iterator[str]:
        """Everything by which a request can name one of them, the longest first."""
        found = {self.word}
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

    def each(self, kind: str) -> "Iterator[Things]":
        """These things, and once more with each further object of this kind in its place."""
        yield self
        for one in self.also.get(kind, ()):
            yield Things(self.word, {**self.objects, kind: one})

    def text(self, kind: str) -> str:
        found = (getattr(self.objects[kind], name, "") for name in ("username", "name", "to"))
        return next((text for text in found if text.startswith(self.word)), self.word)


class Nothing(Them):
    """Objects that are not there, named like those that are."""

    def __init__(self, there: Them) -> None:
        self.word = "".join(
            chr(ord("a") + (ord(one) - ord("a") + 7) % 26) if one.islower() else one for one in there.word
        )
        self._there = there
        self._uids = {kind: str(uuid.uuid4()) for kind in KINDS.values()}
        self._pks = {kind: 8_800_000 + number for number, kind in enumerate(KINDS.values())}

    def uid(self, kind: str) -> str:
        if self._there.is_shared(kind):
            return self._there.uid(kind)
        return str(self._pks[kind]) if kind == "event" else self._uids[kind]

    def pk(self, kind: str) -> int:
        return self._there.pk(kind) if self._there.is_shared(kind) else self._pks[kind]

    def text(self, kind: str) -> str:
        return self._there.text(kind).replace(self._there.word, self.word)


def _outside(word: str, *, company: Company | None, make: Any, now: datetime) -> dict[str, Any]:
    """What the Configuration Server keeps: two people of the company's tenant, and around them what belongs to no company."""
    root = outside.Tenant.objects.get(dbid=outside.ENVIRONMENT_DBID)
    tenant = make(
        outside.Tenant, dbid=outside.Tenant.objects.count() + 100, name=f"{word}-tenant", parent=root
    )
    if company is not None:
        company.tenant_dbid = tenant.dbid
        company.save()
    directory = make(
        outside.Directory, name=f"{word}-directory", protocol="ldap", servers=f"ldaps://{word}-server"
    )
    directory.secret = sealed.seal(directory, "secret", SECRET.encode())
    directory.save()
    role, _made = outside.Role.objects.get_or_create(name="Everybody's", rank=1)
    people = [
        make(
            outside.Person,
            tenant=tenant,
            name=f"{word}-person{number}",
            name_key=f"{word}-person{number}",
            display_name=f"{word}-person",
            email=f"{word}-person{number}@example.com",
            external_id=f"{word}-external",
            entry=f"{word}-entry",
            password=f"{SECRET}-hash",
        )
        for number in (1, 2)
    ]
    people[0].roles.add(role)
    return {
        "person": people[0],
        "tenant": tenant,
        "directory": directory,
        "directoryrole": role,
        "directorypermission": make(
            outside.Permission, person=people[0], kind=Kind.DELIVERY, reach=Reach.OWN
        ),
        "package": make(
            outside.SolutionPackage,
            name=f"{word}-package",
            version="1",
            deploymentkey=f"{word}-key",
            roles=[f"{word}-role"],
            before='{"owners": {}, "roles": "{\\"version\\":1,\\"roles\\":[]}"}',
            applied_at=now,
            applied_by=f"{word}-author",
        ),
    }


def things(
    word: str, *, company: Company | None, user: User, role: Role, numbers: Iterator[int], now: datetime
) -> Things:
    """One object of every kind, around this person, with the mark in every text."""

    def make(model: type[Model], **values: Any) -> Any:
        return model._default_manager.create(pk=next(numbers), **values)

    def mark(name: str) -> str:
        return f"{word}-{name}"

    User.objects.filter(pk=user.pk).update(password=f"{SECRET}-hash", phone="+4930555" + str(user.pk)[-5:])
    permission = make(Permission, user=user, kind=Kind.DELIVERY, reach=Reach.OWN)
    ends = now + timedelta(hours=1)
    browser = make(
        Browser,
        user=user,
        fingerprint=mark(SECRET),
        first_seen_at=now,
        last_seen_at=now,
        user_agent=mark("browser"),
        remembered_until=ends,
        remembered_version=user.security_version,
    )
    session = make(
        Session,
        user=user,
        kind=SessionKind.PAGE,
        fingerprint=mark(SECRET),
        browser=browser,
        methods=["pwd", mark("method")],
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        expires_at=ends,
        address=mark("address"),
        user_agent=mark("program"),
    )
    revisions = [
        make(
            SettingsRevision,
            company=company,
            number=number,
            values={"TwoFactor.EmailSubject": mark(f"subject{number}")},
            reason=mark("reason"),
            author_uid=str(user.uid),
            author_name=mark("author"),
            at=now,
        )
        for number in (1, 2)
    ]
    event = make(
        AuditEvent,
        at=now,
        event="accounts:user:changed",
        actor_uid=str(user.uid),
        actor_name=mark("actor"),
        company_id=company.pk if company else None,
        subject_kind="user",
        subject_uid=str(user.uid),
        subject_name=mark("subject"),
        address=mark("address"),
        request_id=mark("request"),
        details={"words": mark("details")},
        mac=mark("mac"),
    )
    deliveries = [
        make(
            Delivery,
            kind="email",
            to=f"{mark('to')}@example.com",
            template="notice",
            subject=mark("subject"),
            context={"sentence": mark(SECRET)},
            secret={"kind": "code", "purpose": mark(SECRET)},
            language="en",
            from_address=f"{mark('from')}@example.com",
            company_uid=company.uid if company else None,
            company_id=company.pk if company else None,
            user_uid=user.uid,
            state=State.FAILED,
            error=mark("error"),
            next_try_at=now,
            created_at=now,
            expires_at=ends,
        )
        for _number in (1, 2)
    ]
    factor = make(Factor, user=user, kind=FactorKind.EMAIL, created_at=now)
    challenge = make(
        Challenge,
        user=user,
        purpose="contact",
        asked_by=session.uid,
        kind=FactorKind.EMAIL,
        address=f"{mark('challenge')}@example.com",
        digits=6,
        created_at=now,
        expires_at=ends,
    )
    attempt_uid = uuid.uuid4()
    attempt = make(
        Attempt,
        uid=attempt_uid,
        fingerprint=mark("attempt"),
        purpose="sign-in",
        by_page=True,
        realm="internal",
        name=sealed.seal(Attempt(uid=attempt_uid), "name", SECRET.encode()),
        name_key=mark("key"),
        user=user,
        created_at=now,
        expires_at=ends,
    )
    return Things(
        word=word,
        objects=_outside(word, company=company, make=make, now=now)
        | {
            "company": company,
            "user": user,
            "role": role,
            "permission": permission,
            "session": session,
            "revision": revisions[0],
            "event": event,
            "delivery": deliveries[0],
            "factor": factor,
            "browser": browser,
            "privilege": Privilege.objects.get(name="Users - View"),
        },
        more=[revisions[1], deliveries[1], challenge, attempt],
    )


def _company(word: str, *, numbers: Iterator[int], now: datetime) -> tuple[Company, User, Things]:
    """A company, its administrator, and the things around one of its people."""
    company = Company.objects.create(pk=next(numbers), name=f"{word}-company")

    def person(name: str, role: str) -> User:
        return cast.person(
            f"{word}-{name}@example.com", company=company, role=role, name=f"{word}-{name}", pk=next(numbers)
        )

    administrator = person("administrator", cast.COMPANY_ADMINISTRATOR)
    member = person("member", cast.AGENT)
    role = Role.objects.create(pk=next(numbers), name=f"{word}-role", company=company, rank=20)
    Permission.objects.create(pk=next(numbers), role=role, kind=Kind.AUDIT, reach=Reach.OWN)
    person("other", cast.AGENT).roles.add(role)
    return (
        company,
        administrator,
        things(word, company=company, user=member, role=role, numbers=numbers, now=now),
    )


@dataclass
class World:
    """Who is there, and what belongs to whom."""

    now: datetime
    acme: Things
    globex: Things
    installation: Things
    root: User
    ada: User  # administers Acme
    ben: User  # belongs to Acme, and may do nothing
    cleo: User  # may do everything that there is, in Globex alone
    carl: User  # sees Globex, and may do nothing there but open the administration
    nora: User  # has every privilege, and reaches nobody
    tokens: TokenPair  # of Ada
    acme_rows: frozenset[tuple[str, Any]]  # every row that came with Acme, by table and number

    def them(self, target: str) -> Things:
        """The things of `acme`, `globex` or the `installation`."""
        found: Things = getattr(self, target)
        return found


def _cross(acme: Things, globex: Things, *, now: datetime) -> None:
    """What joins the two companies: somebody of Globex who may look over, and somebody who moved to Acme."""
    by = system_actor()
    onlooker = cast.person(
        f"{globex.word}-onlooker@example.com", company=globex.objects["company"], role=cast.AGENT
    )
    draft = services.PermissionDraft(
        user=onlooker, kind=Kind.USER, reach=Reach.ONE, company=acme.objects["company"]
    )
    globex.also["user"] = [onlooker]
    globex.also["permission"] = [services.create_permission(draft, by=by, now=now)]
    mover = cast.person(
        f"{globex.word}-mover@example.com", company=globex.objects["company"], role=cast.AGENT
    )
    moved = Person(
        company=acme.objects["company"], roles=[acme.objects["role"]], display_name=f"{acme.word}-mover"
    )
    change_user(mover, moved, by=by, now=now)


def _own(user: User, *, now: datetime) -> dict[str, list[Any]]:
    """What one has for oneself alone."""
    ends = now + timedelta(hours=1)
    browser = Browser.objects.create(
        user=user,
        fingerprint=SECRET,
        first_seen_at=now,
        last_seen_at=now,
        remembered_until=ends,
        remembered_version=1,
    )
    session = Session.objects.create(
        user=user,
        kind=SessionKind.PAGE,
        fingerprint=SECRET,
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        expires_at=ends,
    )
    factor = Factor.objects.create(user=user, kind=FactorKind.EMAIL, created_at=now)
    return {"browser": [browser], "session": [session], "factor": [factor]}


def build() -> World:
    """Acme, Globex and the installation, in a database that holds nothing else."""
    # A version that no other test has seen: what they cached under theirs would stand for ours.
    Epoch.objects.update_or_create(pk=1, defaults={"version": next(_versions)})
    now = timezone.now()
    root = cast.person(
        "rootmark-root@portal.example", company=None, role=cast.FULL, name="rootmark-root", pk=FIRST
    )
    full = Role.objects.get(name=cast.FULL)
    installation = things(
        "rootmark", company=None, user=root, role=full, numbers=count(FIRST + 1_000, 1_000), now=now
    )
    globex, cleo, of_globex = _company("globexmark", numbers=count(6_000_000, 1_000), now=now)
    # So that nothing but the company keeps her out.
    everything = Role.objects.create(name="globexmark-everything", company=globex, rank=60)
    everything.privileges.set(Privilege.objects.all())
    cleo.roles.add(everything)
    look = Role.objects.create(name="globexmark-look", company=globex, rank=30)
    look.privileges.set(Privilege.objects.filter(name="Administration - Open"))
    Permission.objects.create(role=look, kind=Kind.ALL, reach=Reach.OWN)
    carl = cast.person("globexmark-carl@example.com", company=globex, role=cast.AGENT)
    carl.roles.set([look])
    nora = cast.person("globexmark-nora@example.com", company=globex, role=cast.AGENT)
    nora.roles.set([everything])
    before = state().keys()
    acme, ada, of_acme = _company("acmemark", numbers=count(7_000_000, 1_000), now=now)
    installation.objects["company"] = globex  # there is none above all companies: Ada reaches for another one
    ben = cast.person("acmemark-ben@example.com", company=acme, role=cast.AGENT)
    acme_rows = frozenset(state().keys() - before)
    _cross(of_acme, of_globex, now=now)
    of_globex.also |= _own(cleo, now=now)
    client = Client(address="127.0.0.1", user_agent="acmemark-program")
    session, _secret = start_session(
        ada, kind=SessionKind.API, methods=["pwd", "otp"], client=client, browser=None, now=now
    )
    return World(
        now=now,
        acme=of_acme,
        globex=of_globex,
        installation=installation,
        root=root,
        ada=ada,
        ben=ben,
        cleo=cleo,
        carl=carl,
        nora=nora,
        tokens=token_pair(session, now=now),
        acme_rows=acme_rows,
    )

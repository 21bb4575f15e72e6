"""What the portal asks the Configuration Server, embedded in this process: who a person is, and to put a new password in place.

The answers hold everything that the portal needs; it reads no row of ours. A remote Configuration Server gives the same answers.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from configserver import tree
from configserver.choice import INTERNAL, Choice, engine_of
from configserver.contract import About, Answer, PasswordSet
from configserver.directories import Known, active_uids, directory_of
from configserver.engines import internal
from configserver.engines.base import Challenge, Changed, NotTaken, Outcome, Refused, Unreachable, Verified
from configserver.granting import granted_at_sign_in
from configserver.models import Person
from configserver.options import password_rules
from configserver.password_rules import broken_by, in_words, refusal_of
from configserver.passwords import Broken, Rules, days_until_expiry, is_expired
from configserver.summary import summary
from configserver.tree import rules_above
from configserver.values import Identity, Question
from configserver.versions import version_of, versions_of
from core import entropy, epoch
from core.contacts import key_of
from core.db import unit
from core.options import Snapshot
from core.outcomes import Denied
from core.prepared import Select, Slot
from core.text import is_one_line
from core.throttle import Limit, take

# What `configserver.contract` asks for; the rest is for the verbs of this package.
__all__ = [
    "about",
    "answer",
    "authenticate",
    "rules_above",
    "set_password",
    "summary",
    "version_of",
    "versions_of",
]

NEW_PASSWORDS = Limit(name="new-person-password", tries=20, window=timedelta(hours=1))
DIRECTORY_REFUSES = _("The directory did not take this password. %(reason)s")
CHANGE_ELSEWHERE = Denied(
    code="kept_elsewhere",
    message=_("Your password is kept in the directory of your organisation; change it there."),
)
MEANWHILE = Denied(
    code="conflict", message=_("The password was changed in the meantime. Nothing was changed now.")
)


_PERSONS = Person.objects.select_related("tenant", "directory", "source")
_OF_NAME = Select(lambda: _PERSONS.filter(name_key=Slot("name_key")))


def find(name: str) -> Person | None:
    """The person of this name, in any spelling."""
    key = key_of(name)
    # What is no line of text is nobody's name, and no database takes it as one.
    return _OF_NAME.first(name_key=key) if is_one_line(key) else None


def choice_of(person: Person) -> Choice:
    """Which engine answers for this person, and why."""
    own = str(person.directory.uid) if person.directory is not None else ""
    links = tree.chain(person.tenant_id)
    return engine_of(own=own, external_id=person.external_id, tenants=[link.said for link in links])


def login_of(person: Person) -> str:
    """The name under which a directory knows the person."""
    return person.external_id or person.name


def is_able(person: Person) -> bool:
    """Whether the person, every tenant above, and the directory that brought the person are switched on."""
    brought = person.source is None or person.source.is_active
    return person.is_active and brought and all(link.is_active for link in tree.chain(person.tenant_id))


def rules_of(person: Person, environment: Snapshot) -> Rules:
    """The password rules of the person's tenant, over those of ENVIRONMENT."""
    return password_rules(tree.settings_of(person.tenant.dbid, environment))


def authenticate(name: str, password: str, *, environment: Snapshot, now: datetime) -> Answer:
    """Whether this is the password of the person of this name. Nobody, disabled and wrong: one answer, at one cost in each engine."""
    person = find(name)
    if person is None:
        return _nobody(name, password)
    choice = choice_of(person)
    if choice.engine == INTERNAL:
        able = is_able(person)
        proof, outdated = internal.verify(person.password if able else "", password)
        if isinstance(proof, Refused):
            return Refused(reason="wrong" if able else "disabled")
        if outdated:
            hashed = make_password(password)
            Person.objects.filter(pk=person.pk, password=person.password).update(password=hashed)
        return _identified(person, proof, directory=None, environment=environment, now=now)
    directory = directory_of(choice.engine)
    if directory is None or not directory.is_active:
        make_password(password)
        return Refused(reason="directory_off")
    if not _is_sendable(password):
        make_password(password)
        return Refused(reason="unsendable")
    if not is_able(person):
        return _in_vain(directory, login_of(person), reason="disabled")
    outcome = directory.engine.verify(login_of(person), password)
    return _settled(person, outcome, directory=directory, environment=environment, now=now)


def answer(person_uid: UUID, state: str, given: str, *, environment: Snapshot, now: datetime) -> Answer:
    """What follows on a person's answer to the question that the directory asked."""
    person = _PERSONS.filter(uid=person_uid).first()
    if person is None:
        asked_in_vain = directory_of(str(person_uid))
        nothing = asked_in_vain.engine.decoy("") if asked_in_vain is not None else None
        return nothing if isinstance(nothing, Unreachable) else Refused(reason="unknown")
    if not is_able(person):
        return Refused(reason="disabled")
    choice = choice_of(person)
    directory = directory_of(choice.engine) if choice.engine != INTERNAL else None
    if directory is None or not directory.is_active:
        return Refused(reason="directory_off")
    outcome = directory.engine.answer(login_of(person), state, given)
    return _settled(person, outcome, directory=directory, environment=environment, now=now)


def _nobody(name: str, password: str) -> Answer:
    """Do for nobody what is done for somebody: always the same engine for a name, so that repeated tries tell nothing either."""
    engines = [INTERNAL, *active_uids()]
    place = int(entropy.fingerprint(key_of(name), purpose="decoy")[:8], 16) % len(engines)
    directory = directory_of(engines[place]) if engines[place] != INTERNAL else None
    if directory is None or not _is_sendable(password):
        make_password(password)
        return Refused(reason="unknown")
    return _in_vain(directory, name, reason="unknown")


def _in_vain(directory: Known, login: str, *, reason: str) -> Answer:
    """Ask for nobody's sake. A question to nobody carries the id of the directory in place of a person's: no answer to it is right."""
    outcome = directory.engine.decoy(login)
    if isinstance(outcome, Challenge):
        return Question(person=directory.uid, prompt=outcome.prompt, state=outcome.state, echo=outcome.echo)
    return outcome or Refused(reason=reason)


def _is_sendable(password: str) -> bool:
    """Whether a directory is asked at all: RFC 2865 carries 128 bytes, and an empty password binds as anybody (RFC 4513, 5.1.2)."""
    return 0 < len(password.encode(errors="replace")) <= 128 and "\0" not in password


def _settled(
    person: Person, outcome: Outcome, *, directory: Known, environment: Snapshot, now: datetime
) -> Answer:
    if isinstance(outcome, Challenge):
        return Question(person=person.uid, prompt=outcome.prompt, state=outcome.state, echo=outcome.echo)
    if not isinstance(outcome, Verified):
        return outcome
    if person.entry and not outcome.entry:
        # The directory no longer tells whose entry it is, as with a direct bind before a change that is due: it may be somebody else's.
        return Refused(reason="no_entry", told="must_change" if outcome.must_change else "")
    if outcome.entry and outcome.entry != person.entry:
        # The first sign-in keeps the entry. Another one under the same name, later, is somebody else's.
        kept = Person.objects.filter(pk=person.pk, entry="").update(entry=outcome.entry)
        if not kept and not Person.objects.filter(pk=person.pk, entry=outcome.entry).exists():
            return Refused(reason="another_entry")
    return _identified(person, outcome, directory=directory, environment=environment, now=now)


def _identified(
    person: Person, proof: Verified, *, directory: Known | None, environment: Snapshot, now: datetime
) -> Identity | Refused:
    tenant: int | None = person.tenant.dbid
    mapped: Iterable[int] = []
    if directory is not None:
        mapped = frozenset().union(*(directory.roles.get(group, ()) for group in proof.groups))
        if proof.tenant is not None:
            tenant = directory.tenants.get(proof.tenant)
            here = tree.tenant_of(tenant)
            if here is not None and not all(link.is_active for link in tree.chain(here.pk)):
                return Refused(reason="disabled")
    mapped = sorted(mapped)
    if mapped != person.mapped:
        Person.objects.filter(pk=person.pk).update(mapped=mapped)
    roles, own = granted_at_sign_in(person, mapped=mapped)
    must_change, expires_in = proof.must_change, proof.expires_in
    if directory is None:
        rules = rules_of(person, environment)
        must_change = person.must_change_password or is_expired(
            changed_at=person.password_changed_at, rules=rules, now=now
        )
        days = days_until_expiry(changed_at=person.password_changed_at, rules=rules, now=now)
        expires_in = None if days is None else days * 86_400
    return Identity(
        id=person.uid,
        version=person.version,
        name=person.name,
        display_name=proof.display_name or person.display_name,
        email=proof.email or person.email,
        phone=proof.phone or person.phone,
        tenant=tenant,
        engine=INTERNAL if directory is None else directory.protocol,
        roles=roles,
        own=own,
        must_change=must_change,
        may_change=directory is None or directory.may_change,
        factor_proved=directory is not None and directory.rounds_are_factor and proof.rounds > 0,
        grace_left=proof.grace_left,
        expires_in=expires_in,
    )


# --- passwords -------------------------------------------------------------------------------------------------------------


def about(person_uid: UUID, *, environment: Snapshot) -> About | None:
    """What is known of this person; None when there is nobody."""
    person = _PERSONS.filter(uid=person_uid).first()
    if person is None:
        return None
    engine = choice_of(person).engine
    login = login_of(person)
    if engine == INTERNAL:
        rules = tuple(in_words(rules_of(person, environment)))
        return About(engine=engine, login=login, may_change=True, rules=rules)
    directory = directory_of(engine)
    may_change = directory is not None and directory.is_active and directory.may_change
    return About(engine=engine, login=login, may_change=may_change)


def refuse_new_password(
    password: str, person: Person, *, environment: Snapshot, now: datetime
) -> Denied | None:
    """Why this password, kept here, cannot be taken. Hashes once for each earlier one: never call it inside a unit."""
    rules = rules_of(person, environment)
    about = (person.name, person.display_name, person.email.partition("@")[0], person.email)
    broken = broken_by(password, rules, about=about)
    if not broken and person.pk is not None:
        if (refused := take(NEW_PASSWORDS, str(person.uid), now=now)) is not None:
            return refused
        hashes = [person.password] if person.password else []
        if rules.no_repeats:
            hashes += person.used_passwords.values_list("password", flat=True)[: rules.no_repeats]
        if any(check_password(password, one) for one in dict.fromkeys(hashes)):
            broken = [Broken("no_repeats", rules.repeats)]
    return refusal_of(broken)


def set_password(
    person_uid: UUID, *, version: int, current: str, new: str, environment: Snapshot, now: datetime
) -> PasswordSet | Denied | Refused | Unreachable:
    """Put the person's own new password in the place of the current one. Unreachable: nothing was changed, and a due change stays due.

    `version` is the one under which whoever asks was let in. What was taken from the person since is not given back by a new password.
    """
    person = _PERSONS.filter(uid=person_uid).first()
    if person is None or not is_able(person):
        make_password(current)
        return Refused(reason="disabled")
    if person.version != version:
        make_password(current)
        return MEANWHILE
    choice = choice_of(person)
    if choice.engine != INTERNAL:
        return _set_in_directory(person, choice, current=current, new=new)
    proof, _outdated = internal.verify(person.password, current)
    if isinstance(proof, Refused):
        return proof
    refused = refuse_new_password(new, person, environment=environment, now=now)
    if refused is not None:
        return refused
    hashed = make_password(new)
    with unit():
        if not store_password(person, hashed, must_change=False, now=now):
            return MEANWHILE
    return PasswordSet(version=person.version + 1)


def _set_in_directory(
    person: Person, choice: Choice, *, current: str, new: str
) -> PasswordSet | Denied | Refused | Unreachable:
    directory = directory_of(choice.engine)
    if directory is None or not directory.is_active or not directory.may_change:
        return CHANGE_ELSEWHERE
    outcome = directory.engine.change_password(login_of(person), current, new)
    if isinstance(outcome, NotTaken):
        message = DIRECTORY_REFUSES % {"reason": outcome.sentence}
        return Denied(code="password_rules", field="new_password", message=message.strip())
    if not isinstance(outcome, Changed):
        return outcome
    with unit():
        standing = Person.objects.filter(pk=person.pk, version=person.version).update(
            version=F("version") + 1
        )
        epoch.bump()
    # While the directory was asked, something was taken from the person: under the old version nothing goes on.
    return PasswordSet(version=person.version + 1 if standing else person.version)


def store_password(person: Person, hashed: str, *, must_change: bool, now: datetime) -> bool:
    """Inside a unit: put the hash in place and void what was granted under the old one; not when the person changed meanwhile."""
    if not Person.objects.filter(pk=person.pk, version=person.version).update(
        password=hashed,
        password_changed_at=now,
        must_change_password=must_change,
        version=F("version") + 1,
        changed_at=now,
    ):
        return False
    person.used_passwords.create(password=hashed, at=now)
    epoch.bump()
    return True

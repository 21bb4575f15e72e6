"""External people: proved by the Configuration Server, with an account here that is only their shadow.

The shadow is found by the id that stays, never by the name. What the person may do, see and where he belongs is loaded anew at every
sign-in from the one answer of the Configuration Server.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.loaded import pack
from accounts.mode import external_is_on
from accounts.models import Browser, Session, User
from accounts.names import Realm
from accounts.notices import notify, verified_channels
from accounts.options import DEFAULT_COMPANY
from accounts.proof import TRY_AGAIN, is_idle, lock_idle
from accounts.rising import noting_admin
from accounts.sessions import end_all
from accounts.tries import Tries
from audit.events import Event
from audit.record import Origin, record
from configserver import service, where
from configserver.choice import INTERNAL
from configserver.contract import About, Answer
from configserver.engines.base import Refused, Unreachable
from configserver.options import password_rules
from configserver.passwords import NONE, Rules
from configserver.values import Identity, Question
from core import epoch
from core.contacts import NAME_LENGTH, checked_phone, key_of
from core.db import unit
from core.outcomes import Denied
from core.prepared import Select, Slot
from tenants.granted import company_of_tenant
from tenants.models import Company
from tenants.settings import snapshot

UNAVAILABLE = Denied(
    code="unavailable",
    message=_("Sign-in with directory accounts is unavailable right now. Please try again later."),
)
NO_COMPANY = Denied(
    code="denied",
    message=_(
        "Your name and password are right, but your organisation has no company here yet. Please ask your administrator."
    ),
)
TOLD = {
    "expired": Denied(
        code="denied",
        message=_("Your password in the directory has expired. Change it there, or ask your administrator."),
    ),
    "must_change": Denied(
        code="denied",
        message=_(
            "Your password has to be changed first, in the directory of your organisation. Then sign in here."
        ),
    ),
}


_OF_PERSON = Select(lambda: User.objects.select_related("company").filter(source_id=Slot("source_id")))


@dataclass(frozen=True, kw_only=True)
class Proved:
    """The account of an external person whose password is right, and what the Configuration Server said of it."""

    user: User
    identity: Identity


def rules_of(user: User | None) -> Rules:
    """The password rules of an external person; where a directory proves the password, its own hold instead."""
    if user is None or user.engine != INTERNAL:
        return NONE
    return password_rules(where.settings_of(user.tenant_dbid, snapshot(None)))


def prove(
    user: User | None,
    name: str,
    password: str,
    *,
    name_key: str,
    browser: Browser | None,
    origin: Origin,
    now: datetime,
) -> Proved | Question | Denied:
    """Whether this is the password of the external person of this name; `user` is the account that had the name at the last sign-in."""
    tries = Tries(user=user, name_key=name_key, browser=browser, origin=origin, now=now, rules=rules_of(user))
    taken = tries.count()
    if (refused := tries.refusal_in(taken)) is not None:
        return refused
    if not external_is_on() or any(one.refused for one in taken):
        make_password(password)
        return tries.refuse(
            Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN, reason="" if external_is_on() else "mode_none"
        )
    found = where.server().authenticate(name, password, environment=snapshot(None), now=now)
    return _settled(found, tries)


def prove_answer(
    user: User | None,
    person: UUID,
    state: str,
    answer: str,
    *,
    name_key: str,
    browser: Browser | None,
    origin: Origin,
    now: datetime,
) -> Proved | Question | Denied:
    """The same for the answer to a question that the directory asked of this person."""
    tries = Tries(user=user, name_key=name_key, browser=browser, origin=origin, now=now, rules=rules_of(user))
    taken = tries.count()
    if (refused := tries.refusal_in(taken)) is not None:
        return refused
    if not external_is_on() or any(one.refused for one in taken):
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN)
    found = where.server().answer(person, state, answer, environment=snapshot(None), now=now)
    return _settled(found, tries)


def _settled(found: Answer, tries: Tries) -> Proved | Question | Denied:
    if isinstance(found, Unreachable):
        tries.give_back()
        return tries.refuse(Event.LOGIN_UNAVAILABLE, UNAVAILABLE, reason=found.reason)
    if isinstance(found, Refused):
        denied = TOLD.get(found.told, TRY_AGAIN)
        if found.told:
            tries.succeed()  # the password was right
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, denied, reason=found.reason)
    if isinstance(found, Question):
        return found
    if found.must_change and not found.may_change:
        tries.succeed()
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, TOLD["must_change"], reason="must_change")
    user = load(found, origin=tries.origin, now=tries.now)
    if isinstance(user, Denied):
        return tries.refuse(Event.LOGIN_DENIED, user, reason="no_company")
    if is_idle(user, rules=rules_of(user), now=tries.now):
        lock_idle(user, origin=tries.origin, now=tries.now)
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN, reason="idle")
    if not user.may_sign_in:
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN, reason="disabled")
    tries.succeed()
    return Proved(user=user, identity=found)


def company_of(tenant: int | None) -> Company | None:
    """The company that is loaded for people of the tenant with this DBID: the linked one, else the default; None: there is none."""
    linked = Company.objects.filter(tenant_dbid=tenant).first() if tenant is not None else None
    return linked or default_company()


def default_company() -> Company | None:
    """The company of people whose tenant is linked to none, if the setting names an active one."""
    uid = snapshot(None).text(DEFAULT_COMPANY)
    return Company.objects.filter(uid=uid, is_active=True).first() if uid else None


def load(identity: Identity, *, origin: Origin, now: datetime) -> User | Denied:
    """The person's account, made at the first sign-in, with everything that the Configuration Server says now."""
    as_it_was = _unchanged(identity)
    if as_it_was is not None:
        return as_it_was
    company = company_of(identity.tenant)
    if company is None:
        return NO_COMPANY
    try:
        with unit():
            return _stored(identity, company, origin=origin, now=now)
    except IntegrityError:
        # Another first sign-in of the same person made the account at the same moment.
        with unit():
            return _stored(identity, company, origin=origin, now=now)


def _unchanged(identity: Identity) -> User | None:
    """The account, where it holds all that is said now already: then there is nothing to lock and nothing to write."""
    user = _OF_PERSON.first(source_id=identity.id)
    if user is None or user.company_id is None or user.company_id != company_of_tenant(identity.tenant):
        return None
    said = _said(identity, company_id=user.company_id)
    return user if all(getattr(user, name) == value for name, value in said.items()) else None


def _said(identity: Identity, *, company_id: int) -> dict[str, Any]:
    """What the account keeps of the answer, but for the company."""
    return {
        "username": identity.name,
        "display_name": identity.display_name,
        "email": identity.email,
        "phone": _number(identity.phone),
        "engine": identity.engine,
        "tenant_dbid": identity.tenant,
        "source_version": identity.version,
        "must_change_password": identity.must_change,
        "loaded": pack(identity, company_id=company_id),
    }


def _number(written: str) -> str:
    """The number in the form in which numbers are compared and texted; as it stands in the directory where it is none."""
    number = checked_phone(written)
    return written if isinstance(number, Denied) else number


def _stored(identity: Identity, company: Company, *, origin: Origin, now: datetime) -> User:
    rows = User.objects.select_for_update(of=("self",)).select_related("company")
    user = rows.filter(source_id=identity.id).first()
    values = _said(identity, company_id=company.pk) | {"company": company}
    if user is None:
        _free_name(identity)
        user = User(realm=Realm.EXTERNAL, source_id=identity.id, password="!", **values)  # noqa: S106 - nobody's
        user.save(force_insert=True)
        _record(Event.USER_CREATED, user, origin=origin, now=now, engine=identity.engine)
        return user
    changed = {name: value for name, value in values.items() if value != getattr(user, name)}
    if changed:
        _apply(user, changed, identity, origin=origin, now=now)
    return user


def _apply(user: User, changed: dict[str, Any], identity: Identity, *, origin: Origin, now: datetime) -> None:
    if "username" in changed:
        _free_name(identity)
    if "company" in changed:
        _record(Event.USER_CHANGED, user, origin=origin, now=now, fields=sorted(changed))
    with noting_admin(user, now=now):
        for name, value in changed.items():
            setattr(user, name, value)
        if "email" in changed:
            user.email_verified_at = None
        if "phone" in changed:
            user.phone_verified_at = None
        if {"email", "phone", "company", "engine", "source_version"} & changed.keys():
            user.security_version += 1
        user.save()
    epoch.bump()
    _record(Event.USER_CHANGED, user, origin=origin, now=now, fields=sorted(changed))
    if {"company", "source_version", "loaded", "engine"} & changed.keys():
        # They began under rights that are not these any more.
        end_all(user, reason="changed", origin=origin, now=now)


def _free_name(identity: Identity) -> None:
    """Whoever had this name here before has it no longer in the Configuration Server, where a name is one person's."""
    former = User.objects.filter(realm=Realm.EXTERNAL, login_key=key_of(identity.name))
    for one in former.exclude(source_id=identity.id):
        name = f"{one.uid} {one.username}"[:NAME_LENGTH]
        # Not from whoever has signed in by another name meanwhile.
        still = User.objects.filter(pk=one.pk, login_key=one.login_key)
        still.update(username=name, login_key=key_of(name))


def _record(event: Event, user: User, *, origin: Origin, now: datetime, **details: Any) -> None:
    record(event, origin=origin, at=now, company_id=user.company_id, subject=user, **details)


def change_password(
    user: User,
    *,
    current: str,
    new: str,
    name_key: str,
    browser: Browser | None,
    origin: Origin,
    now: datetime,
) -> int | Denied:
    """Put a person's own new password in place where the Configuration Server or its directory keeps it; the version that then holds."""
    if user.source_id is None or not external_is_on():
        return service.CHANGE_ELSEWHERE
    tries = Tries(user=user, name_key=name_key, browser=browser, origin=origin, now=now, rules=rules_of(user))
    taken = tries.count()
    if (refused := tries.refusal_in(taken)) is not None:
        return refused
    if any(one.refused for one in taken):
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN)
    changed = where.server().set_password(
        user.source_id,
        version=user.source_version or 0,
        current=current,
        new=new,
        environment=snapshot(None),
        now=now,
    )
    if isinstance(changed, Unreachable):
        tries.give_back()
        return tries.refuse(Event.LOGIN_UNAVAILABLE, UNAVAILABLE, reason=changed.reason)
    if isinstance(changed, Refused):
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN, reason=changed.reason)
    tries.succeed()
    return changed if isinstance(changed, Denied) else changed.version


def may_change_password(user: User) -> bool:
    """Whether this external person's password can be changed through us."""
    return external_is_on() and isinstance(found := _about(user), About) and found.may_change


def rules_in_words(user: User) -> list[str]:
    """The rules that a new password must keep, in words; none where a directory has its own."""
    found = _about(user)
    return list(found.rules) if isinstance(found, About) else []


def _about(user: User) -> About | Unreachable | None:
    return (
        None if user.source_id is None else where.server().about(user.source_id, environment=snapshot(None))
    )


def note_password_changed(
    user: User, *, version: int, origin: Origin, now: datetime, but: Session | None = None
) -> None:
    """The person has a new password: the account goes on under this version, every other session ends, and the person is told."""
    with unit():
        User.objects.filter(pk=user.pk).update(
            source_version=version, must_change_password=False, security_version=F("security_version") + 1
        )
        user.refresh_from_db(fields=["source_version", "must_change_password", "security_version"])
        epoch.bump()
        _record(Event.PASSWORD_CHANGED, user, origin=origin, now=now)
        notify(user, to=verified_channels(user), sentence="password_changed", origin=origin, now=now)
        end_all(user, reason="password_changed", origin=origin, now=now, but=but)

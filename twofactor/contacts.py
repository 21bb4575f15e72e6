"""Verified contacts (mission T6): a new address or number counts only after a code sent to it came back, and the old one is told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Session, User
from accounts.names import Realm
from accounts.notices import language_of, notify
from accounts.rising import FACTOR_FIRST
from accounts.sessions import end_all
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.contacts import checked_email, checked_phone, key_of
from core.db import unit
from core.outcomes import Denied
from delivery.models import Delivery
from delivery.services import enqueue
from tenants.settings import snapshot
from twofactor.methods import METHODS
from twofactor.models import Challenge, Factor, FactorKind, Purpose
from twofactor.services.challenges import check_code, codes_of, newest, send_code
from twofactor.services.factors import add_factor, hold, put_in_force
from twofactor.services.recent import refuse_unproved

KEPT_ELSEWHERE = Denied(
    code="kept_elsewhere",
    field="email",
    message=gettext_lazy("Your account is kept in a directory; change the address there."),
)
NUMBER_KEPT_ELSEWHERE = Denied(
    code="kept_elsewhere",
    field="phone",
    message=gettext_lazy("Your account is kept in a directory; change the number there."),
)
TAKEN_MEANWHILE = Denied(
    code="expired", field="code", message=gettext_lazy("This code is no longer good. Ask for another one.")
)
COUNTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The session in which somebody changes his own contacts, and from where."""

    session: Session
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One sort of contact: how it is written, where it stands, and what is said when it changes."""

    kind: FactorKind
    field: str
    verified_at: str
    checked: Callable[[str], str | Denied]
    kept_elsewhere: Denied
    changed: str  # the notice


EMAIL = Contact(
    kind=FactorKind.EMAIL,
    field="email",
    verified_at="email_verified_at",
    checked=checked_email,
    kept_elsewhere=KEPT_ELSEWHERE,
    changed="email_changed",
)
PHONE = Contact(
    kind=FactorKind.SMS,
    field="phone",
    verified_at="phone_verified_at",
    checked=checked_phone,
    kept_elsewhere=NUMBER_KEPT_ELSEWHERE,
    changed="phone_changed",
)
_OF_KIND = {contact.kind.value: contact for contact in (EMAIL, PHONE)}


def pending(session: Session, contact: Contact, *, now: datetime) -> Challenge | None:
    """The address or number that waits for its code, if one does: of both sorts the one that was asked for last."""
    challenge = newest(codes_of(session.uid), purpose=Purpose.CONTACT)
    if challenge is None or challenge.used_at is not None or now >= challenge.expires_at:
        return None
    return challenge if challenge.kind == contact.kind else None


def ask_for(contact: Contact, typed: str, *, place: Place, now: datetime) -> Challenge | Denied:
    """Send a code to this address or number: the person's own, or a new one.

    Whether somebody else signs in with the address, the answer does not tell. Several may have one number: it is nobody's name.
    """
    user = place.session.user
    address, in_force = contact.checked(typed), getattr(user, contact.field)
    if user.is_external:
        if isinstance(address, Denied) or address.lower() != in_force.lower():
            return contact.kept_elsewhere
        address = in_force
    if isinstance(address, Denied):
        return address
    if address.lower() != in_force.lower() and refuse_unproved(place.session, now=now) is FACTOR_FIRST:
        return FACTOR_FIRST  # whoever was let in by help verifies what is his, and changes nothing
    settings = snapshot(user.company_id)
    with unit():
        if (denied := hold(user, session=place.session)) is not None:
            return denied
        if Session.objects.select_for_update().filter(pk=place.session.pk, ended_at=None).first() is None:
            return TAKEN_MEANWHILE
        owner = _owner_of(address, besides=user) if contact is EMAIL else None
        # Whoever has the address learns of it; whoever asked sees, and waits for, what he would for any address.
        return send_code(
            user,
            kind=contact.kind.value,
            purpose=Purpose.CONTACT,
            asked_by=place.session.uid,
            sent=codes_of(place.session.uid),
            address=address,
            settings=settings,
            origin=place.origin,
            now=now,
            since=now - COUNTED_FOR,
            mail=None if owner is None else partial(_tell_owner, owner=owner, now=now),
        )


def _owner_of(address: str, *, besides: User) -> User | None:
    """Who else signs in with this address. That of an external person is no sign-in name, so it may be somebody's else too."""
    if besides.is_external:
        return None
    others = User.objects.filter(realm=Realm.INTERNAL, login_key=key_of(address)).exclude(pk=besides.pk)
    return others.select_related("company").first()


def _tell_owner(challenge: Challenge, *, owner: User, now: datetime) -> Delivery:
    with translation.override(language_of(owner)):
        return enqueue(
            to=owner.email,
            template="notice",
            language=language_of(owner),
            subject=_("Your address was entered for another account"),
            context={
                "display_name": owner.display_name,
                "sentence": _(
                    "Somebody tried to use your e-mail address for another account. Nothing was changed."
                ),
                "at": now.isoformat(),
            },
            company_id=owner.company_id,
            company_uid=owner.company.uid if owner.company else None,
            user_uid=owner.uid,
            now=now,
            expires_at=challenge.expires_at,
        )


def verify(contact: Contact, code: str, *, place: Place, now: datetime) -> User | Denied:
    """The code came back: the address or number counts from now on; a replaced one is told, and other sessions end."""
    user = place.session.user
    try:
        with unit():
            if (denied := hold(user, session=place.session)) is not None:
                return denied
            last = newest(codes_of(place.session.uid), purpose=Purpose.CONTACT)
            if last is not None and last.kind != contact.kind:
                return TAKEN_MEANWHILE  # something else was asked for since
            checked = check_code(
                code,
                user,
                purpose=Purpose.CONTACT,
                asked_by=place.session.uid,
                settings=snapshot(user.company_id),
                origin=place.origin,
                now=now,
            )
            if isinstance(checked, Denied):
                return checked
            if checked.kind != contact.kind:
                return TAKEN_MEANWHILE
            held = User.objects.select_for_update(of=("self",)).select_related("company").get(pk=user.pk)
            if held.is_external and checked.address != getattr(held, contact.field):
                return TAKEN_MEANWHILE  # the directory has another one by now
            return _put_in_place(held, contact, checked, place=place, now=now)
    except IntegrityError:
        return TAKEN_MEANWHILE


def take_over(challenge: Challenge, user: User, *, origin: Origin, now: datetime) -> Denied | None:
    """Inside a unit, at a sign-in without any way yet: what the code came back for counts from now on, and is turned on."""
    if challenge.kind == FactorKind.TOTP:
        waiting = Factor.objects.select_related("user__company").filter(challenge=challenge.pk)
        factor = waiting.first()
        return TAKEN_MEANWHILE if factor is None else put_in_force(factor, origin=origin, now=now)
    if challenge.address != METHODS[challenge.kind].address(user):
        return TAKEN_MEANWHILE
    column = _OF_KIND[challenge.kind].verified_at
    User.objects.filter(pk=user.pk).update(**{column: now})
    setattr(user, column, now)
    _record(Event.CONTACT_VERIFIED, user, challenge, origin=origin, now=now)
    added = add_factor(user, kind=FactorKind(challenge.kind), origin=origin, now=now)
    return added if isinstance(added, Denied) else None


def _record(event: Event, user: User, challenge: Challenge, *, origin: Origin, now: datetime) -> None:
    record(event, origin=origin, at=now, company_id=user.company_id, subject=user, kind=challenge.kind)


def _put_in_place(user: User, contact: Contact, challenge: Challenge, *, place: Place, now: datetime) -> User:
    old, was_verified = getattr(user, contact.field), getattr(user, contact.verified_at)
    is_new = challenge.address != old
    setattr(user, contact.verified_at, now)
    if is_new:
        setattr(user, contact.field, challenge.address)
        if contact is EMAIL:
            user.username = challenge.address
        user.security_version += 1
    user.save()
    epoch.bump()
    event = Event.CONTACT_CHANGED if is_new else Event.CONTACT_VERIFIED
    _record(event, user, challenge, origin=place.origin, now=now)
    if is_new:
        told = [old]
        if contact is PHONE:
            told = [old if was_verified else "", user.email if user.email_verified_at else ""]
        notify(user, to=told, sentence=contact.changed, origin=place.origin, now=now)
        end_all(user, reason="changed", origin=place.origin, now=now, but=place.session)
    return user


def withdraw(session: Session, *, now: datetime) -> None:
    """Keep the address or number as it is: the code under way is worth nothing."""
    Challenge.objects.filter(asked_by=session.uid, purpose=Purpose.CONTACT, used_at=None).update(
        expires_at=now
    )

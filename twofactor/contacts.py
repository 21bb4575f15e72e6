"""Verified contacts (mission T6): a new address counts only after a code sent to it came back, and the old one is told."""

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
from accounts.sessions import end_all
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.contacts import is_email, key_of
from core.db import unit
from core.outcomes import Denied
from delivery.models import Delivery
from delivery.services import enqueue
from tenants.settings import snapshot
from twofactor.methods import METHODS
from twofactor.models import Challenge, Factor, FactorKind, Purpose
from twofactor.services.challenges import check_code, codes_of, newest, send_code
from twofactor.services.factors import add_factor, put_in_force

KEPT_ELSEWHERE = Denied(
    code="kept_elsewhere",
    field="email",
    message=gettext_lazy("Your account is kept in a directory; change the address there."),
)
BAD_ADDRESS = Denied(
    code="invalid", field="email", message=gettext_lazy("Enter an e-mail address such as ada@example.com.")
)
TAKEN_MEANWHILE = Denied(
    code="expired", field="code", message=gettext_lazy("This code is no longer good. Ask for another one.")
)
COUNTED_FOR = timedelta(hours=1)
VERIFIED_AT = {FactorKind.EMAIL.value: "email_verified_at", FactorKind.SMS.value: "phone_verified_at"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """The session in which somebody changes his own contacts, and from where."""

    session: Session
    origin: Origin


def pending(session: Session, *, now: datetime) -> Challenge | None:
    """The address that waits for its code, if one does."""
    challenge = newest(codes_of(session.uid), purpose=Purpose.CONTACT)
    if challenge is None or challenge.used_at is not None or now >= challenge.expires_at:
        return None
    return challenge


def ask_for_email(address: str, *, place: Place, now: datetime) -> Challenge | Denied:
    """Send a code to this address: the person's own, or a new one. The answer does not tell whether somebody else has it."""
    user = place.session.user
    address = address.strip()
    if user.is_external and address.lower() != user.email.lower():
        return KEPT_ELSEWHERE
    if not is_email(address):
        return BAD_ADDRESS
    settings = snapshot(user.company_id)
    with unit():
        Session.objects.select_for_update().get(pk=place.session.pk)
        others = User.objects.filter(realm=Realm.INTERNAL, login_key=key_of(address)).exclude(pk=user.pk)
        # The address of an external person is no sign-in name, so it may be somebody's else too.
        owner = None if user.is_external else others.select_related("company").first()
        # Whoever has the address learns of it; whoever asked sees, and waits for, what he would for any address.
        return send_code(
            user,
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


def verify_email(code: str, *, place: Place, now: datetime) -> User | Denied:
    """The code came back: the address counts from now on; a replaced one is told, and other sessions end."""
    user = place.session.user
    try:
        with unit():
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
            held = User.objects.select_for_update(of=("self",)).select_related("company").get(pk=user.pk)
            if held.is_external and checked.address != held.email:
                return TAKEN_MEANWHILE  # the directory has another one by now
            return _take_over(held, checked, place=place, now=now)
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
    column = VERIFIED_AT[challenge.kind]
    User.objects.filter(pk=user.pk).update(**{column: now})
    setattr(user, column, now)
    record(
        Event.CONTACT_VERIFIED,
        origin=origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        kind=challenge.kind,
    )
    added = add_factor(user, kind=FactorKind(challenge.kind), origin=origin, now=now)
    return added if isinstance(added, Denied) else None


def _take_over(user: User, challenge: Challenge, *, place: Place, now: datetime) -> User:
    old = user.email
    is_new = challenge.address != old
    user.email_verified_at = now
    if is_new:
        user.email = user.username = challenge.address
        user.security_version += 1
    user.save()
    epoch.bump()
    event = Event.CONTACT_CHANGED if is_new else Event.CONTACT_VERIFIED
    record(
        event,
        origin=place.origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        kind=FactorKind.EMAIL.value,
    )
    if is_new:
        notify(user, to=[old], sentence="email_changed", origin=place.origin, now=now)
        end_all(user, reason="changed", origin=place.origin, now=now, but=place.session)
    return user


def withdraw(session: Session, *, now: datetime) -> None:
    """Keep the address as it is: the code under way is worth nothing."""
    Challenge.objects.filter(asked_by=session.uid, purpose=Purpose.CONTACT, used_at=None).update(
        expires_at=now
    )

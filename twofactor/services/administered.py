"""What administrators do about the second factors of other people: turn them off, make a code instead, end a wait, forget browsers."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.ending import forget_browsers
from accounts.models import User
from accounts.notices import any_channels, notify
from accounts.people import NOT_FOUND, refuse_touch
from audit.events import Event
from audit.record import record
from core.db import unit
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.settings import snapshot
from twofactor.methods.recovery import TEMPORARY_FOR, temporary
from twofactor.models import Factor, FactorKind, RecoveryCode
from twofactor.services.asked import ways_of
from twofactor.services.devices import remembered
from twofactor.services.factors import note_kinds, reset_factors
from twofactor.services.lost import NONE_UNDER_WAY, end_recovery
from twofactor.services.provided import known_of
from twofactor.services.two_persons import in_person, refuse_alone, takes_two_for_another

OWN_FACTORS = Denied(
    code="own_account", message=_("Your own second factors change only on the pages of your account.")
)
MEANWHILE = Denied(
    code="conflict", message=_("The person's recovery codes have just been changed. Please try again.")
)
NONE_ON = Denied(code="nothing_changed", message=_("This person has no second factor turned on."))
NONE_REMEMBERED = Denied(code="nothing_changed", message=_("No device of this person is remembered."))


def turn_off_factors(user: User, *, reason: str, by: Actor, now: datetime) -> Denied | None:
    """Turn every second factor of a person off; the person is told, and every session ends. Refused when he stands above the actor."""
    with unit():
        found = _touchable(user, by=by)
        if isinstance(found, Denied):
            return found
        if _is_self(found, by):
            return OWN_FACTORS  # else whoever holds the session for a moment is rid of the second proof
        if not is_resettable(found, now=now):
            return NONE_ON
        if (refusal := refuse_alone(found, verb="reset", reason=reason, by=by, now=now)) is not None:
            return refusal
        number = reset_factors(
            found, sentence="factors_reset", to=any_channels(found), origin=by.origin, now=now
        )
        record(
            Event.FACTORS_RESET,
            origin=by.origin,
            at=now,
            company_id=found.company_id,
            subject=found,
            factors=number,
            reason=reason[:200],
        )
    return None


def is_resettable(user: User, *, now: datetime) -> bool:
    """Whether there is something to turn off, or the person can set nothing up without a word of two administrators."""
    if user.factor_kinds:
        return True
    settings = snapshot(user.company_id)
    has_way = ways_of(user, settings, provided=known_of(settings, user))
    return not has_way and takes_two_for_another(user, now=now)


@dataclass(frozen=True, kw_only=True)
class TemporaryCode:
    """What is shown once, and told to the person."""

    code: str
    expires_at: datetime


def make_temporary_code(user: User, *, reason: str, by: Actor, now: datetime) -> TemporaryCode | Denied:
    """One code that stands for the second factor once, within the hour; the one before is worth nothing. The person is told of it.

    For somebody who lost his factors, and was made sure of. For an administrator it takes two of them.
    """
    if by.origin.actor is not None and isinstance(administrator := in_person(by, now=now), Denied):
        return administrator
    expires_at = now + TEMPORARY_FOR
    factor = Factor.objects.filter(user=user.pk, kind=FactorKind.RECOVERY).first()
    factor = factor or Factor(user=user, kind=FactorKind.RECOVERY, created_at=now, confirmed_at=now)
    code, row = temporary(factor, expires_at=expires_at)
    with unit():
        found = _touchable(user, by=by)
        if isinstance(found, Denied):
            return found
        if _is_self(found, by):
            return OWN_FACTORS
        kept = Factor.objects.filter(user=found.pk, kind=FactorKind.RECOVERY).first()
        if (kept.pk if kept is not None else None) != factor.pk:
            return MEANWHILE  # the code was made for a paper that is another one now
        if (refusal := refuse_alone(found, verb="code", reason=reason, by=by, now=now)) is not None:
            return refusal
        if kept is None:
            factor.save()
            note_kinds(found)
        RecoveryCode.objects.filter(factor=factor).exclude(expires_at=None).delete()
        row.factor = factor
        row.save()
        record(
            Event.TEMPORARY_CODE_MADE,
            origin=by.origin,
            at=now,
            company_id=found.company_id,
            subject=found,
            reason=reason[:200],
        )
        notify(found, to=any_channels(found), sentence="temporary_code", origin=by.origin, now=now)
    return TemporaryCode(code=code, expires_at=expires_at)


def forget_devices(user: User, *, by: Actor, now: datetime) -> Denied | None:
    """Let no browser stand for the second factor of a person any more. Refused when he stands above the actor."""
    with unit():
        found = _touchable(user, by=by)
        if isinstance(found, Denied):
            return found
        stood = remembered(found, now=now)
        forget_browsers(found, origin=by.origin, now=now)
    return None if stood else NONE_REMEMBERED


def end_recovery_of(user: User, *, by: Actor, now: datetime) -> Denied | None:
    """Let nobody wait any more to replace a second factor of this person. Refused when he stands above the actor."""
    with unit():
        found = _touchable(user, by=by)
        if isinstance(found, Denied):
            return found
        ended = end_recovery(found, reason="by_administrator", origin=by.origin, now=now)
    return None if ended else NONE_UNDER_WAY


def _touchable(user: User, *, by: Actor) -> User | Denied:
    """Inside a unit: the person's row, held; or why this actor may not touch it."""
    rows = User.objects.select_for_update(of=("self",), no_key=True)
    found = rows.select_related("company").filter(pk=user.pk).first()
    return NOT_FOUND if found is None else refuse_touch(found, verb="change", by=by) or found


def _is_self(user: User, by: Actor) -> bool:
    return by.origin.actor is not None and by.origin.actor.uid == user.uid

"""What administrators do to the second factors of other people: turn them off, and forget the browsers that stand for them."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.ending import forget_browsers
from accounts.models import User
from accounts.people import NOT_FOUND, refuse_touch
from audit.events import Event
from audit.record import record
from core.db import unit
from core.outcomes import Denied
from tenants.actor import Actor
from twofactor.models import RecoveryCode
from twofactor.services.devices import remembered
from twofactor.services.factors import reset_factors

OWN_FACTORS = Denied(
    code="own_account", message=_("Your own second factors change only on the pages of your account.")
)
NONE_ON = Denied(code="nothing_changed", message=_("This person has no second factor turned on."))
NONE_REMEMBERED = Denied(code="nothing_changed", message=_("No device of this person is remembered."))


def turn_off_factors(user: User, *, reason: str, by: Actor, now: datetime) -> Denied | None:
    """Turn every second factor of a person off; the person is told, and every session ends. Refused when he stands above the actor."""
    with unit():
        found = _held(user)
        refusal = NOT_FOUND if found is None else refuse_touch(found, verb="change", by=by)
        if found is None or refusal is not None:
            return refusal
        if by.origin.actor is not None and by.origin.actor.uid == found.uid:
            return OWN_FACTORS  # else whoever holds the session for a moment is rid of the second proof
        number = reset_factors(found, by=by, now=now)
        if not number:
            return NONE_ON
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


def forget_devices(user: User, *, by: Actor, now: datetime) -> Denied | None:
    """Let no browser stand for the second factor of a person any more. Refused when he stands above the actor."""
    with unit():
        found = _held(user)
        refusal = NOT_FOUND if found is None else refuse_touch(found, verb="change", by=by)
        if found is None or refusal is not None:
            return refusal
        stood = remembered(found, now=now)
        forget_browsers(found, origin=by.origin, now=now)
    return None if stood else NONE_REMEMBERED


def recovery_codes_left(user: User) -> int:
    """How many of the person's recovery codes are not used yet."""
    return RecoveryCode.objects.filter(factor__user=user.pk, used_at=None).count()


def _held(user: User) -> User | None:
    return User.objects.select_for_update(of=("self",)).select_related("company").filter(pk=user.pk).first()

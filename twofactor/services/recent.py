"""Whether what a session has proved is enough for a change of what people prove themselves by."""

from datetime import datetime

from accounts.models import Session
from accounts.principal import roles_of
from accounts.rising import FACTOR_FIRST, HELPED, SECOND
from accounts.sessions import CONFIRM_FIRST, refuse_unconfirmed
from core.outcomes import Denied
from twofactor.models import Factor, FactorKind
from twofactor.services.asked import asked_of


def refuse_unproved(session: Session, *, now: datetime, adds: bool = False) -> Denied | None:
    """`confirm_first` when the person has not proved it recently, or not by the second factor that is asked of him.

    A remembered browser opens a session in the place of that factor; it must not be enough to turn the factor off, or to add one. Nor must
    the word of an administrator be enough for anything but a first factor (`adds`): for all else `factor_needed_first`.
    """
    if (denied := refuse_unconfirmed(session, now=now)) is not None:
        return denied
    if not SECOND.isdisjoint(session.methods):
        return None
    user, began = session.user, session.created_at
    asked = asked_of(user, roles=roles_of(user))
    helped = HELPED in session.methods
    if not asked.needed or not asked.methods:
        return FACTOR_FIRST if helped and not adds else None
    if helped:
        return CONFIRM_FIRST
    verified = {FactorKind.EMAIL: user.email_verified_at, FactorKind.SMS: user.phone_verified_at}
    # What came in this very session was added by whoever had proved all that there was to prove.
    contacts = [at for kind, at in verified.items() if at is not None and kind in asked.methods]
    if asked.policy == "required" and any(at < began for at in contacts):
        return CONFIRM_FIRST
    older = Factor.objects.filter(user=user.pk, confirmed_at__lt=began).exclude(kind=FactorKind.RECOVERY)
    return CONFIRM_FIRST if older.exists() else None

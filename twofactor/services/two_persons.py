"""What takes two administrators: a reset, a temporary code, or help at the sign-in for somebody who may open the administration."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.models import Session, User
from accounts.principal import bounding_rights_of
from accounts.rising import HELPED
from accounts.sessions import CONFIRM_FIRST
from audit.events import Event
from audit.record import record
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from twofactor.models import FirstWord
from twofactor.services.recent import refuse_unproved

WAITS = timedelta(minutes=30)
SETTLED = timedelta(days=1)
SECOND_NEEDED = Denied(
    code="second_needed",
    message=_(
        "This person may open the administration, so it takes two: your word is kept for 30 minutes. Once another administrator has done "
        "the same in that time, it is done."
    ),
)
TOO_NEW = Denied(
    code="account_too_new",
    message=_(
        "Your account, or its password, is too new to decide this: it takes a day. Somebody else has to do it."
    ),
)


def needed_for(person: User) -> int:
    """How many administrators it takes for this person: two, where the administration would open."""
    return 2 if bounding_rights_of(person).may_open_admin else 1


def in_person(by: Actor, *, now: datetime) -> User | Denied:
    """The administrator, who himself has proved it recently: no program, no key, nobody acting as somebody else, nobody let in by help.

    Whoever was let in by help helps nobody in the same session, also with a factor that he has added in it.
    """
    session = Session.objects.select_related("user").filter(uid=by.sign_in).first() if by.sign_in else None
    if session is None or by.origin.impersonator is not None:
        return CONFIRM_FIRST
    if HELPED in session.methods:
        return FORBIDDEN
    return refuse_unproved(session, now=now) or session.user


def refuse_newer(administrator: User, *, than: datetime) -> Denied | None:
    """The refusal of somebody who may be the other one, under a name that was made, or taken, for the purpose: within a day before."""
    made = [one for one in (administrator.created_at, administrator.password_changed_at) if one is not None]
    return TOO_NEW if max(made) > than - SETTLED else None


def refuse_alone(user: User, *, verb: str, reason: str, by: Actor, now: datetime) -> Denied | None:
    """Inside a unit, the person's row in hand: None where the verb may be done, which for an administrator a second one has to say.

    The first word is kept, and `second_needed` returned. The installation itself, at its own machine, needs nobody beside it.
    """
    if needed_for(user) == 1 or by.origin.actor is None:
        return None
    administrator = in_person(by, now=now)
    if isinstance(administrator, Denied):
        return administrator
    words = FirstWord.objects.filter(user=user, verb=verb)
    first = words.filter(at__gt=now - WAITS, by__is_active=True, by__locked_at=None).first()
    if first is not None and first.by_id != administrator.pk:
        refused = refuse_newer(administrator, than=first.at)
        if refused is None:
            words.delete()
        return refused
    if first is not None:
        return SECOND_NEEDED  # said again; it does not become newer by that
    FirstWord.objects.update_or_create(user=user, verb=verb, defaults={"by": administrator, "at": now})
    record(
        Event.SECOND_NEEDED,
        origin=by.origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        verb=verb,
        reason=reason[:200],
    )
    return SECOND_NEEDED

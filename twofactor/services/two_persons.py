"""What takes two administrators: a reset, a temporary code, or help at the sign-in for somebody who may open the administration."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.utils.translation import gettext_lazy as _

from accounts.models import Session, User
from accounts.people import refuse_touch
from accounts.principal import bounding_rights_of_each, rights_of
from accounts.rising import HELPED
from accounts.sessions import CONFIRM_FIRST
from audit.events import Event
from audit.record import Origin, record
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from twofactor.models import FirstWord
from twofactor.policy import stands
from twofactor.services.asked import turned_on
from twofactor.services.recent import refuse_unproved

WAITS = timedelta(minutes=30)
SETTLED = timedelta(days=1)
SECOND_NEEDED = Denied(
    code="second_needed",
    message=_(
        "This person may open the administration, so it takes two: your word is kept for 30 minutes. Once another administrator has done "
        "the same in that time, it is done."
    ),
    noted=True,
)
TOO_NEW = Denied(
    code="account_too_new",
    message=_(
        "Your account, its password, or your right to open the administration is less than a day old, which is too new to decide this. "
        "Somebody else has to, or you tomorrow."
    ),
)


def needed_for(person: User, *, now: datetime) -> int:
    """How many administrators it takes for this person: two, where the administration opens, or that has changed within a day."""
    return needed_for_each([person], now=now)[person.pk]


def takes_two(person: User, *, now: datetime) -> bool:
    """Whether one administrator is not enough for this person."""
    return needed_for(person, now=now) > 1


def needed_for_each(people: Sequence[User], *, now: datetime) -> dict[int, int]:
    """The same for several at once, by their number."""
    rights = bounding_rights_of_each(people)

    # Else whoever may change roles takes the right away, is alone with the account for a moment, and gives it back.
    def changed(one: User) -> bool:
        return one.admin_changed_at is not None and one.admin_changed_at > now - SETTLED

    return {one.pk: 2 if changed(one) or rights[one.pk].may_open_admin else 1 for one in people}


def takes_two_for_another(user: User, *, now: datetime) -> bool:
    """Whether this is an administrator who once had a second factor: another one, where none of his works any more, is the word of two.

    Else whoever changes the address of another administrator, or a setting that his way depends on, and the password, sets one up in his
    place. A reset, which takes two, lets him begin anew.
    """
    had_one = bool(user.last_factor) or stands(turned_on(user))
    return had_one and takes_two(user, now=now)


def is_standing(by: User | None, *, version: int, on: User, verb: str) -> bool:
    """Whether an administrator's word of a while ago still counts: nothing of his account has changed, and he may still say it."""
    if by is None or not by.is_active or by.locked_at is not None or by.security_version != version:
        return False
    himself = Actor(rights=rights_of(by), origin=Origin(actor=by))
    return refuse_touch(on, verb=verb, by=himself) is None


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
    changes = (administrator.created_at, administrator.password_changed_at, administrator.admin_changed_at)
    return TOO_NEW if any(one is not None and one > than - SETTLED for one in changes) else None


def waiting_words(user: User, *, now: datetime) -> list[FirstWord]:
    """What one administrator wants done to this person's factors, and another one has yet to say."""
    rows = FirstWord.objects.filter(user=user.pk, at__gt=now - WAITS).select_related("by")
    return [one for one in rows if is_standing(one.by, version=one.version, on=user, verb="change")]


def refuse_alone(user: User, *, verb: str, reason: str, by: Actor, now: datetime) -> Denied | None:
    """Inside a unit, the person's row in hand: None where the verb may be done, which for an administrator a second one has to say.

    The first word is kept, and `second_needed` returned. The installation itself, at its own machine, needs nobody beside it.
    """
    if not takes_two(user, now=now) or by.origin.actor is None:
        return None
    administrator = in_person(by, now=now)
    if isinstance(administrator, Denied):
        return administrator
    words = FirstWord.objects.filter(user=user, verb=verb)
    first = words.filter(at__gt=now - WAITS).select_related("by").first()
    if first is not None and not is_standing(first.by, version=first.version, on=user, verb="change"):
        first = None
    if (refused := refuse_newer(administrator, than=first.at if first is not None else now)) is not None:
        return refused
    note = partial(
        record,
        origin=by.origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        verb=verb,
        reason=reason[:200],
    )
    if first is None:
        said = {"by": administrator, "version": administrator.security_version, "at": now}
        FirstWord.objects.update_or_create(user=user, verb=verb, defaults=said)
        note(Event.SECOND_NEEDED)
        return SECOND_NEEDED
    if first.by_id == administrator.pk:
        return SECOND_NEEDED  # said again; it does not become newer by that
    words.delete()
    note(Event.SECOND_GIVEN, first=str(first.by))
    return None

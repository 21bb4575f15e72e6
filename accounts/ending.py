"""Ending sessions: other people's, as an administrator does it, and all of one's own but this one."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import Browser, Session, User
from accounts.people import NOT_FOUND, SHUT
from accounts.principal import bounding_rights_of
from accounts.sessions import end_all, end_sessions
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.rules import may_touch

NOT_LIVE = Denied(code="not_live", message=_("This session has ended already."))
NOBODY_SIGNED_IN = Denied(code="not_live", message=_("This person is not signed in anywhere."))
REASON = "by_administrator"


def _refuse(user: User, *, by: Actor) -> Denied | None:
    if not may_touch(by.rights, "view", "session", company_id=user.company_id):
        return NOT_FOUND
    if not may_touch(by.rights, "delete", "session", company_id=user.company_id):
        return FORBIDDEN
    return SHUT if by.acts_as(user.uid) else by.exceeded_by(bounding_rights_of(user))


def end_session(session: Session, *, by: Actor, now: datetime) -> Denied | None:
    """End one session and its tokens. Refused when its person stands above the actor."""
    refusal = _refuse(session.user, by=by)
    if refusal is not None:
        return refusal
    if not session.is_live(now=now) or not end_sessions([session], reason=REASON, origin=by.origin, now=now):
        return NOT_LIVE
    return None


def sign_out_everywhere(user: User, *, by: Actor, now: datetime) -> Denied | None:
    """End every session of a person and forget the browsers. Refused when the person stands above the actor."""
    refusal = _refuse(user, by=by)
    if refusal is not None:
        return refusal
    with unit():
        _hold(user)
        # Browsers before sessions, here as at a sign-in: the other way round the two could wait for each other.
        forgotten = forget_browsers(user, origin=by.origin, now=now)
        ended = end_all(user, reason=REASON, origin=by.origin, now=now)
    return None if ended or forgotten else NOBODY_SIGNED_IN


def _hold(user: User) -> None:
    # The person's row before any other, as everybody takes it.
    User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()


def end_own_others(session: Session, *, origin: Origin, now: datetime) -> int:
    """A person ends all sessions but this one, and forgets all other browsers; the number of sessions that ended."""
    with unit():
        _hold(session.user)
        forget_browsers(session.user, origin=origin, now=now, but=session.browser)
        return end_all(session.user, reason="ended_by_owner", origin=origin, now=now, but=session)


def forget_browsers(user: User, *, origin: Origin, now: datetime, but: Browser | None = None) -> int:
    """Inside a unit: none of the person's browsers stands for the second factor any more, but this one; how many did."""
    remembered = Browser.objects.filter(user=user).exclude(remembered_until=None)
    if but is not None:
        remembered = remembered.exclude(pk=but.pk)
    forgotten = remembered.update(remembered_until=None, remembered_version=None)
    if forgotten:
        record(
            Event.DEVICE_FORGOTTEN,
            origin=origin,
            at=now,
            company_id=user.company_id,
            subject=user,
            browsers=forgotten,
        )
    return forgotten

"""Ending sessions: other people's, as an administrator does it, and all of one's own but this one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.api_keys import revoke_made_by
from accounts.inviting import links_held_of, revoke_held
from accounts.models import Browser, Session, User
from accounts.notices import any_channels, notify
from accounts.people import NOT_FOUND, SHUT, lock_account, refuse_end
from accounts.principal import bounding_rights_of
from accounts.sessions import end_all, end_sessions
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.db import unit
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.rules import may_touch

NOT_LIVE = Denied(code="not_live", message=_("This session has ended already."))
NOBODY_SIGNED_IN = Denied(code="not_live", message=_("This person is not signed in anywhere."))
REASON = "by_administrator"
AT_LOCK_DOWN: list[Callable[[User], object]] = []  # what apps above take from an account, in the same unit


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


def lock_down(user: User, *, reason: str, by: Actor, now: datetime, made_keys: bool = False) -> Denied | None:
    """Take everything from an account at once, where somebody else may have it, and lock it.

    Sessions, tokens, API keys, codes, mailed links, remembered browsers and the join links that it made are over, and so is the password
    of somebody kept here: once the account is unlocked, its person has to prove it anew, by a mailed link and the second factor, or by a
    password that an administrator gives; until then no passkey opens it alone. Of external people the directory keeps the password. The
    second factors stay: whether one of them is the intruder's, the administrator sees on the page. With `made_keys` the API keys that it
    made for others end as well, as far as the actor may revoke them.
    """
    with unit():
        links_held_of(user, now=now)  # held before the person, as whoever joins takes them
        refusal = refuse_end(user, verb="change", by=by)
        if refusal is not None:
            return refusal
        made = links_held_of(user, now=now)  # with those that were made until the person was held
        forgotten = forget_browsers(user, origin=by.origin, now=now)
        lock_account(user, reason=reason, by=by, now=now)
        links = revoke_held(made, by=by, now=now)
        keys, kept = revoke_made_by(user, by=by, now=now) if made_keys else (0, 0)
        User.objects.filter(pk=user.pk).update(
            security_version=F("security_version") + 1, locked_down_at=now, **_voided(user, now=now)
        )
        for over in AT_LOCK_DOWN:
            over(user)
        epoch.bump()
        record(
            Event.USER_LOCKED_DOWN,
            origin=by.origin,
            at=now,
            company_id=user.company_id,
            subject=user,
            reason=reason[:200],
            links=links,
            browsers=forgotten,
            keys_of_others=keys,
            keys_left=kept,
        )
        notify(user, to=any_channels(user), sentence="locked_down", origin=by.origin, now=now)
    return None


def _voided(user: User, *, now: datetime) -> dict[str, Any]:
    """Inside a unit: the columns by which the password kept here opens nothing any more; it is never taken again."""
    held = User.objects.get(pk=user.pk)
    if not held.has_usable_password():
        return {}
    held.used_passwords.create(password=held.password, at=now, is_void=True)
    return {"password": make_password(None), "password_changed_at": now}


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

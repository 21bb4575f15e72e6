"""Taking everything from an account that somebody else may have, in one press."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import F

from accounts.api_keys import revoke_made_by
from accounts.ending import forget_browsers
from accounts.inviting import links_held_of, revoke_held
from accounts.models import User
from accounts.notices import any_channels, notify
from accounts.people import lock_account, refuse_end
from audit.events import Event
from audit.record import record
from core import epoch
from core.db import unit
from core.outcomes import Denied
from tenants.actor import Actor

AT_LOCK_DOWN: list[Callable[[User], object]] = []  # what apps above take from an account, in the same unit


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
        keys = revoke_made_by(user, by=by, now=now) if made_keys else {}
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
            **keys,
        )
        notify(user, to=any_channels(user), sentence="locked_down", origin=by.origin, now=now)
    return None


def _voided(user: User, *, now: datetime) -> dict[str, Any]:
    """Inside a unit: let the password kept here never be taken again; the columns by which it opens nothing any more."""
    held = User.objects.get(pk=user.pk)
    if not held.has_usable_password():
        return {}
    held.used_passwords.create(password=held.password, at=now, is_void=True)
    return {"password": make_password(None), "password_changed_at": now}

"""Proving a password kept here: exactly one hash, and one count against every limit, whoever is asked for and through whichever door."""

from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from accounts.checks import rules_of
from accounts.models import Browser, User
from accounts.people import lock_account
from accounts.tries import Tries
from accounts.verify import Refused, verify
from audit.events import Event
from audit.record import Origin
from configserver.passwords import Rules, is_idle_too_long
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.rights import NOTHING

TRY_AGAIN = Denied(
    code="try_again",
    field="password",
    message=_("That name and password do not fit together. Check both and try again."),
)
CURRENT_WRONG = Denied(
    code="try_again", field="current_password", message=_("The current password is not right.")
)


def prove(
    user: User | None, password: str, *, name_key: str, browser: Browser | None, origin: Origin, now: datetime
) -> Denied | None:
    """Whether the password is this person's. Nobody (None), disabled, locked and wrong: one answer, one hash, one trace."""
    rules = rules_of(user.company_id if user else None)
    tries = Tries(user=user, name_key=name_key, browser=browser, origin=origin, now=now, rules=rules)
    taken = tries.count()
    if (refused := tries.refusal_in(taken)) is not None:
        return refused
    idle = user is not None and is_idle(user, rules=rules, now=now)
    able = None if user is None or idle or not user.may_sign_in or any(one.refused for one in taken) else user
    answer = verify(able, password)
    if isinstance(answer, Refused) or able is None:
        if user is not None and idle:
            lock_idle(user, origin=origin, now=now)
        return tries.refuse(Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN)
    if answer.outdated:
        User.objects.filter(pk=able.pk, password=able.password).update(password=make_password(password))
    tries.succeed()
    return None


def is_idle(user: User, *, rules: Rules, now: datetime) -> bool:
    """Whether the account has not been used for longer than these rules allow."""
    used = [at for at in (user.last_login, user.created_at, user.unlocked_at) if at is not None]
    return is_idle_too_long(last_used_at=max(used), rules=rules, now=now)


def lock_idle(user: User, *, origin: Origin, now: datetime) -> None:
    """Lock an account that has not been used for too long."""
    if user.locked_at is None:
        itself = Actor(rights=NOTHING, origin=origin)
        lock_account(user, reason="unused for too long", by=itself, now=now)

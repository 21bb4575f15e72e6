"""Proving a password: exactly one hash, and one count against every limit, whoever is asked for and through whichever door."""

from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from accounts.checks import rules_of
from accounts.limits import NETWORK, PASSWORD, browser_key, lockout, strangers_key
from accounts.models import Browser, User
from accounts.people import lock_account
from accounts.verify import Refused, verify
from audit.events import Event
from audit.record import Origin, record
from configserver.passwords import is_idle_too_long
from core.db import unit
from core.http import network_of
from core.outcomes import Denied
from core.throttle import Limit, first_refusal, settle, take_all
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


def _takes(
    user: User | None, *, name_key: str, browser: Browser | None, address: str
) -> list[tuple[Limit, str]]:
    key = strangers_key(name_key) if browser is None else browser_key(browser)
    takes = [(PASSWORD, key)]
    if browser is None:
        # People in a browser that they have used before are not held up by others behind the same address.
        takes.append((NETWORK, network_of(address)))
    if user is not None and (lock := lockout(rules_of(user.company_id))) is not None:
        takes.append((lock, key))
    return takes


def prove(
    user: User | None, password: str, *, name_key: str, browser: Browser | None, origin: Origin, now: datetime
) -> Denied | None:
    """Whether the password is this person's. Nobody (None), disabled, locked and wrong: one answer, one hash, one trace."""

    def refuse(event: Event, denied: Denied) -> Denied:
        with unit():
            record(
                event,
                origin=origin,
                at=now,
                company_id=user.company_id if user else None,
                subject=user,
                reason=denied.code,
                **({} if user else {"name": name_key[:16]}),
            )
        return denied

    takes = _takes(user, name_key=name_key, browser=browser, address=origin.address)
    taken = take_all(takes, now=now)
    # The organisation's own lock is not told apart from a wrong password: it would tell that the account exists.
    told = [one for one in taken if one.limit.name != "lockout"]
    if (refused := first_refusal(told)) is not None:
        return refuse(Event.LOGIN_LIMITED, refused)
    idle = user is not None and _is_idle(user, now=now)
    able = None if user is None or idle or not user.may_sign_in or any(one.refused for one in taken) else user
    answer = verify(able, password)
    if isinstance(answer, Refused) or able is None:
        if user is not None and idle and user.locked_at is None:
            itself = Actor(rights=NOTHING, origin=origin)
            lock_account(user, reason="unused for too long", by=itself, now=now)
        return refuse(Event.LOGIN_PASSWORD_REFUSED, TRY_AGAIN)
    if answer.outdated:
        User.objects.filter(pk=able.pk, password=able.password).update(password=make_password(password))
    settle(
        whole=[taken for taken in takes if taken[0] is not NETWORK],
        one=[taken for taken in takes if taken[0] is NETWORK],
    )
    return None


def _is_idle(user: User, *, now: datetime) -> bool:
    used = [at for at in (user.last_login, user.created_at, user.unlocked_at) if at is not None]
    return is_idle_too_long(last_used_at=max(used), rules=rules_of(user.company_id), now=now)

"""What a change of rights leads to: sessions that saw too little end, and it is noted when somebody becomes an administrator, or none."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import Session, User
from accounts.principal import bounding_rights_of
from accounts.sessions import end_sessions, live_sessions
from audit.record import Origin
from core.outcomes import Denied
from tenants.models import Role, SecondFactorPolicy

HELPED = "helped"  # of a session's methods an administrator's word, for which RFC 8176 has no value, and no second factor
# Those that say that a second factor was given: a code, one by text message, a passkey.
SECOND = frozenset({"otp", "sms", "swk"})


FACTOR_FIRST = Denied(
    code="factor_needed_first",
    message=_(
        "An administrator let you in without a second factor. Turn one on first, and confirm by it that it is you."
    ),
)


def refuse_helped(session: Session) -> Denied | None:
    """Why nothing of the account changes in this session yet: an administrator's word let it in, and no second factor has followed."""
    return FACTOR_FIRST if HELPED in session.methods and SECOND.isdisjoint(session.methods) else None


@contextmanager
def noting_admin(user: User, *, now: datetime) -> Iterator[None]:
    """Inside a unit, around a change of the person's rights: write down when he becomes an administrator, or is none any more."""
    before = bounding_rights_of(user).may_open_admin
    yield
    if bounding_rights_of(user).may_open_admin != before:
        User.objects.filter(pk=user.pk).update(admin_changed_at=now)
        user.admin_changed_at = now


def _asks_for_factor(roles: Iterable[Role]) -> bool:
    return any(role.twofactor_policy == SecondFactorPolicy.REQUIRED for role in roles)


def end_unproved(user: User, *, given: Iterable[Role], origin: Origin, now: datetime) -> None:
    """Inside a unit, before these roles are given: when they newly ask for a second factor, the sessions that saw none end."""
    if not _asks_for_factor(given) or _asks_for_factor(user.roles.all()):
        return
    sessions = live_sessions(user, now=now).select_related("user")
    unproved = [one for one in sessions if SECOND.isdisjoint(one.methods)]
    end_sessions(unproved, reason="changed", origin=origin, now=now)

"""An administrator acts as somebody below him (mission P7): with a reason, for a short time, reading only unless he asks for more.

What begins is a session of the person's, of a kind of its own, that hangs on the administrator's own sign-in: it is judged anew with every
request, so it ends with that sign-in, with the privilege or with the rank. It reaches neither the person's own account nor the
administration, its tokens say who acts (RFC 8693, 4.1), and so does every line of the trail.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.grants import READ, WRITE
from accounts.models import Session, SessionKind, User
from accounts.notices import any_channels, notify
from accounts.options import IMPERSONATION_MINUTES
from accounts.people import NOT_FOUND, refuse_touch
from accounts.principal import Principal, bounding_rights_of
from accounts.rising import refuse_helped
from accounts.sessions import CONFIRM_FIRST, IMPERSONATION_OVER, SESSION, end_sessions, refuse_unconfirmed
from audit.events import Event
from audit.record import Origin, record
from core import entropy
from core.db import unit
from core.draft import line
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.rights import refuse_impersonation
from tenants.settings import snapshot

REASON_LENGTH = 300
YOURSELF = Denied(code="own_account", message=_("You are this person already."))
OUT = Denied(
    code="cannot_sign_in",
    message=_("This person cannot sign in at present, so nobody can act as this person."),
)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A session as the person; the secret is for the administrator's browser and kept only as a fingerprint."""

    session: Session
    secret: str


def begin_impersonation(
    user: User, *, reason: str, may_change: bool, user_agent: str = "", by: Actor, now: datetime
) -> Begun | Denied:
    """Let the administrator act as this person. One at a time: whatever he began before from the same sign-in is over."""
    why = line(reason, field="reason", longest=REASON_LENGTH)
    if isinstance(why, Denied):
        return why
    own = Session.objects.select_related("user").filter(uid=by.sign_in).first() if by.sign_in else None
    if own is None:
        return CONFIRM_FIRST  # the installation itself, or a program, acts as nobody else
    if (refused := refuse_unconfirmed(own, now=now) or refuse_helped(own)) is not None:
        return refused
    minutes = snapshot(user.company_id).number(IMPERSONATION_MINUTES)
    user.ask_ahead()
    with unit():
        rows = User.objects.select_for_update(of=("self",), no_key=True).select_related("company")
        found = rows.filter(pk=user.pk).first()
        refused = NOT_FOUND if found is None else _refuse(found, by=by)
        if refused is not None or found is None:
            return refused or NOT_FOUND
        # Held, so that of two begun at once from one sign-in the second ends the first.
        if not Session.objects.select_for_update(no_key=True).filter(Session.live(now=now), pk=own.pk):
            return CONFIRM_FIRST
        before = Session.objects.select_related("user").filter(Session.live(now=now), through=own)
        end_sessions(before, reason=IMPERSONATION_OVER, origin=by.origin, now=now)
        secret = entropy.token(SESSION)
        session = Session.objects.create(
            user=found,
            kind=SessionKind.IMPERSONATION,
            fingerprint=entropy.fingerprint(secret, purpose=SESSION),
            methods=own.methods,
            created_at=now,
            seen_at=now,
            confirmed_at=now,
            expires_at=min(now + timedelta(minutes=minutes), own.expires_at),
            address=by.origin.address,
            user_agent=user_agent,
            through=own,
            grant={"impersonation": WRITE if may_change else READ, "reason": why},
        )
        record(
            Event.IMPERSONATION_STARTED,
            origin=by.origin,
            at=now,
            company_id=found.company_id,
            subject=found,
            session=str(session.uid),
            mode=WRITE if may_change else READ,
            minutes=minutes,
            reason=why,
        )
        notify(
            found,
            to=any_channels(found),
            sentence="impersonated_writing" if may_change else "impersonated",
            origin=by.origin,
            now=now,
            administrator=own.user.display_name,
            minutes=str(minutes),
            reason=why,
        )
    return Begun(session=session, secret=secret)


def _refuse(user: User, *, by: Actor) -> Denied | None:
    if getattr(by.origin.actor, "pk", None) == user.pk:
        return YOURSELF
    refused = refuse_touch(user, verb="impersonate", by=by)
    refused = refused or refuse_impersonation(by.rights, bounding_rights_of(user))
    return refused or (None if user.may_sign_in else OUT)


def end_impersonation(principal: Principal, *, address: str, now: datetime) -> None:
    """The administrator is himself again."""
    origin = Origin(actor=principal.impersonator, address=address)
    end_sessions([principal.session], reason=IMPERSONATION_OVER, origin=origin, now=now)


def end_in_books(*, now: datetime) -> int:
    """End in the books what has ended in effect: those whose administrator is signed in no longer, or whose time is over."""
    lent = Session.objects.select_related("user").filter(kind=SessionKind.IMPERSONATION, ended_at=None)
    over = lent.exclude(Session.live(now=now, path="through__")) | lent.filter(expires_at__lte=now)
    return end_sessions(over, reason=IMPERSONATION_OVER, origin=Origin(), now=now)

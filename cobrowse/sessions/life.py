"""How sessions end: by somebody, or by themselves. What lapsed counts as ended from that moment on, also before the clock comes by."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from accounts.principal import Principal, principal_of_session
from audit.events import Event
from audit.record import Origin, record
from cobrowse.models import AgentToken, CobrowseSession, Participant
from cobrowse.options import IDLE_MINUTES
from cobrowse.sessions.states import Asked, Ended, Facts, Mode, Role, State, lapse
from core import epoch
from core.db import unit
from core.prepared import Select, Slot, Update, Write
from tenants.settings import snapshot

SEEN_EVERY = timedelta(seconds=15)  # so that asking how it stands writes only now and then
BATCH = 200


def facts_of(session: CobrowseSession, present: Collection[int] = ()) -> Facts:
    """What is established, for the state machine; `present` are the roles of whoever ever joined."""
    return Facts(
        state=State(session.state),
        mode=Mode(session.mode),
        asked=Asked(session.asked),
        present=frozenset(map(Role, present)),
        expires_at=session.expires_at,
        customer_seen_at=session.customer_seen_at,
        agent_seen_at=session.agent_seen_at,
    )


def ending(reason: Any, at: Any, *, now: Any) -> dict[str, Any]:
    """The columns of a session that ended."""
    return {
        "state": State.ENDED.value,
        "mode": Mode.POINTER.value,
        "asked": Asked.NO.value,
        "ended_at": at,
        "ended_reason": reason,
        "updated_at": now,
    }


_LOCKED = Select(lambda: CobrowseSession.objects.select_for_update().filter(pk=Slot("pk")))
_END = Update(
    lambda: CobrowseSession.objects.filter(pk=Slot("pk"), ended_at=None),
    **ending(Slot("reason"), Slot("at"), now=Slot("now")),
)
_LEAVE = Update(lambda: Participant.objects.filter(session=Slot("pk"), left_at=None), left_at=Slot("at"))
_REVOKE = Update(
    lambda: AgentToken.objects.filter(session=Slot("pk"), revoked_at=None), revoked_at=Slot("now")
)


def locked(session: CobrowseSession) -> CobrowseSession | None:
    """Inside a unit: the row as it is now, held to the end."""
    return _LOCKED.first(pk=session.pk)


def change(session: CobrowseSession, changes: Mapping[str, Any]) -> None:
    """Inside a unit: write these columns at its end."""
    for name, value in changes.items():
        setattr(session, name, value)
    Write(session, *changes).last()


def end(session: CobrowseSession, reason: Ended, *, at: datetime, origin: Origin, now: datetime) -> bool:
    """Inside a unit: end the session for everybody in it; whether it was live until then."""
    if not _END.now(pk=session.pk, reason=reason.value, at=at, now=now):
        return False
    for name, value in ending(reason.value, at, now=now).items():
        setattr(session, name, value)
    _LEAVE.last(pk=session.pk, at=at)
    revoke_tokens(session, now=now)
    record(
        Event.COBROWSE_ENDED,
        origin=origin,
        at=now,
        company_id=session.company_id,
        subject=session,
        reason=reason.value,
    )
    return True


def end_every(reason: Ended, *, now: datetime) -> int:
    """Inside a unit: end every session at once, with the tokens for agents in them; how many. It tells the trail of none of them."""
    ended = CobrowseSession.objects.filter(ended_at=None).update(**ending(reason, now, now=now))
    Participant.objects.filter(left_at=None).update(left_at=now)
    AgentToken.objects.filter(revoked_at=None).update(revoked_at=now)
    epoch.bump()
    return ended


def revoke_tokens(session: CobrowseSession, *, now: datetime) -> None:
    """Inside a unit: no token for one agent in this session holds any more."""
    if _REVOKE.now(pk=session.pk, now=now):
        epoch.bump()


def _is_barred(session: CobrowseSession) -> bool:
    """Whether the agent may be there no longer: signed out, disabled, or without the privilege. No statement while nothing changes."""
    if session.sign_in_uid is None:
        return False
    principal = principal_of_session(str(session.sign_in_uid))
    return principal is None or not principal.user.may_sign_in or not principal.rights.may_monitor


def over(session: CobrowseSession, *, now: datetime) -> tuple[Ended, datetime] | None:
    """Why and when a live session was over by itself, if it was: time, silence, or an agent who may not be there any more."""
    lapsed = lapse(session, idle=idle_of(session.company_id), now=now)
    barred = lapsed is None and session.ended_at is None and _is_barred(session)
    return (Ended.BARRED, now) if barred else lapsed


def idle_of(company_id: int) -> timedelta:
    """How long either side of an active session of this company may be silent."""
    return timedelta(minutes=snapshot(company_id).number(IDLE_MINUTES))


def live(*, now: datetime) -> Q:
    """The sessions that are not over, as far as their rows say; that one fell silent stands in the books within a minute."""
    return Q(ended_at=None) & (Q(state=State.ACTIVE.value) | Q(expires_at__gt=now))


def in_state(states: Collection[str], *, now: datetime, idle: timedelta | None = None) -> Q:
    """The sessions in one of these states, whatever the books say of those that lapsed; of one company (`idle`) the silent ones, too."""
    alive = live(now=now)
    if idle is not None:
        silent = Q(customer_seen_at__lte=now - idle) | Q(agent_seen_at__lte=now - idle)
        alive &= ~(Q(state=State.ACTIVE.value) & silent)
    found = alive & Q(state__in=[one for one in states if one != State.ENDED])
    return found | ~alive if State.ENDED in states else found


def as_it_is(session: CobrowseSession, *, now: datetime) -> CobrowseSession:
    """The session as it is to be shown in a list: ended where time or silence has ended it, though nothing is written.

    Whether its agent is barred, a list does not ask for each of its rows; the clock does, every minute.
    """
    if (found := lapse(session, idle=idle_of(session.company_id), now=now)) is not None:
        for name, value in ending(*found, now=now).items():
            setattr(session, name, value)
    return session


def settled(session: CobrowseSession, *, now: datetime) -> CobrowseSession:
    """The session as it really is: ended in the books, too, where it was over by itself. Never inside a unit."""
    found = over(session, now=now)
    if found is None:
        return session
    reason, at = found
    with unit():
        current = locked(session)
        if current is None:
            return session
        # Somebody may have given a sign of life meanwhile.
        if over(current, now=now) is not None:
            end(current, reason, at=at, origin=Origin(), now=now)
    return current


def note_customer(session: CobrowseSession, *, now: datetime) -> None:
    """Note a sign of life of the customer, now and then."""
    _note(session, "customer_seen_at", {}, now=now)


def note_agent(session: CobrowseSession, principal: Principal, *, now: datetime) -> None:
    """The same of its agent, and by which sign-in: a program signs in anew when its token runs out.

    Whoever acts as the agent is not the agent: the session would end with that.
    """
    if principal.behind is not None:
        return
    uid = principal.session.uid
    _note(session, "agent_seen_at", {"sign_in_uid": uid} if session.sign_in_uid != uid else {}, now=now)


def _note(session: CobrowseSession, side: str, changes: dict[str, Any], *, now: datetime) -> None:
    before: datetime | None = getattr(session, side)
    if session.ended_at is None and (changes or before is None or now - before >= SEEN_EVERY):
        changes = {**changes, side: now}
        CobrowseSession.objects.filter(pk=session.pk, ended_at=None).update(**changes)
        for name, value in changes.items():
            setattr(session, name, value)


def end_lapsed(*, now: datetime) -> int:
    """End in the books whatever was over by itself; how many."""
    ended, last = 0, 0
    live = CobrowseSession.objects.filter(ended_at=None).defer("custom_data").order_by("pk")
    while rows := list(live.filter(pk__gt=last)[:BATCH]):
        last = rows[-1].pk
        ended += sum(settled(one, now=now).ended_at is not None for one in rows)
    return ended

"""How sessions begin, and who comes in. Of each role there is one, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.events import Event
from audit.record import Origin, record
from cobrowse.agents import BY_POLICY, Agent
from cobrowse.models import CobrowseSession, Participant
from cobrowse.options import CODE_MINUTES, SESSIONS_PER_AGENT
from cobrowse.sessions import states
from cobrowse.sessions.data import checked_data
from cobrowse.sessions.digits import CODE_DIGITS, TOKEN_DIGITS, drawn
from cobrowse.sessions.finding import ENDED, NO_SUCH_SESSION, USER_TOKEN
from cobrowse.sessions.life import change, facts_of, locked, over
from cobrowse.sessions.refusals import REFUSALS
from cobrowse.sessions.states import Refusal, Role, State
from core import entropy
from core.db import unit
from core.draft import line
from core.http import network_of
from core.outcomes import Denied
from core.prepared import Insert, Select, Slot
from core.throttle import Limit, take
from tenants.settings import snapshot

STARTS = Limit(name="cobrowse-start", tries=120, window=timedelta(minutes=10))  # from one network
TRIES = 5  # to draw digits that nobody else has
NAME_LENGTH = 120
TOO_MANY_SESSIONS = Denied(
    code="too_many_sessions",
    message=_(
        "You are in another co-browse session. Leave that one first; an agent may not be in more at a time."
    ),
)
NO_DIGITS_LEFT = Denied(
    code="unavailable", message=_("No digits are free right now. Please try again in a moment.")
)


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Somebody in a session, the token that he acts by from now on, which is shown this once, and who else is or was there."""

    session: CobrowseSession
    participant: Participant
    user_token: str
    others: Sequence[Participant] = ()

    @property
    def everybody(self) -> list[Participant]:
        """Who is in it, or was."""
        return [*self.others, self.participant]


_PEOPLE = Select(lambda: Participant.objects.filter(session=Slot("session")))
_MINE = Select(lambda: CobrowseSession.objects.filter(agent=Slot("agent"), ended_at=None))
_HOLD = Select(
    lambda: User.objects.select_for_update(no_key=True).filter(pk=Slot("pk")).values_list("pk", flat=True)
)


def start_by_customer(
    company_id: int, *, origin: str, name: str | None, data: Any, address: str, now: datetime
) -> Joined | CobrowseSession | Denied:
    """Begin a session that waits for an agent, from a page at this origin of the company; with a `name` the customer is in it at once."""
    if (refused := take(STARTS, network_of(address), now=now)) is not None:
        return refused
    checked = checked_data(data)
    if isinstance(checked, Denied):
        return checked
    tidy = None if name is None else line(name, field="name", longest=NAME_LENGTH, empty=True)
    if isinstance(tidy, Denied):
        return tidy
    values = {"company_id": company_id, "origin": origin, "custom_data": checked, "customer_seen_at": now}
    first = None if tidy is None else _First(Role.CUSTOMER, tidy)
    return _started(values, first, by=Origin(address=address), now=now)


def start_by_agent(agent: Agent, *, data: Any, now: datetime) -> CobrowseSession | Denied:
    """Begin a session that waits for its customer, who joins with its nine digits from a page of the company."""
    checked = checked_data(data)
    if isinstance(checked, Denied):
        return checked
    values = {
        "company_id": agent.company_id,
        "custom_data": checked,
        **_agent_values(agent),
        "agent_seen_at": now,
    }
    # A policy names the sessions that its bearer may make by what stands in them.
    if not agent.may("create") or not agent.may("create", CobrowseSession(**values)):
        return BY_POLICY
    first = _First(Role.AGENT, agent.user.display_name, agent)
    begun = _started(values, first, by=agent.origin, now=now)
    return begun.session if isinstance(begun, Joined) else begun


def _agent_values(agent: Agent) -> dict[str, Any]:
    return {
        "agent_id": agent.user.pk,
        "agent_uid": str(agent.user.uid),
        "agent_name": agent.user.display_name[:254],
        "sign_in_uid": agent.principal.session.uid,
    }


@dataclass(frozen=True)
class _First:
    """Who is in a session from its beginning."""

    role: Role
    name: str
    agent: Agent | None = None


def _started(
    values: dict[str, Any], first: _First | None, *, by: Origin, now: datetime
) -> Joined | CobrowseSession | Denied:
    for _try in range(TRIES):
        session = CobrowseSession(
            token=drawn(TOKEN_DIGITS),
            code=drawn(CODE_DIGITS),
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(minutes=snapshot(values["company_id"]).number(CODE_MINUTES)),
            **values,
        )
        try:
            with unit():
                agent = first.agent if first is not None else None
                if agent is not None and (refused := _refuse_more(agent, now=now)) is not None:
                    return refused
                Insert(session).now()
                _record(Event.COBROWSE_STARTED, session, by=by, now=now, site=session.origin)
                if first is None:
                    return session
                user = agent.user if agent is not None else None
                participant, secret = _enter(
                    session, first.role, number=1, name=first.name, user=user, now=now
                )
                if agent is None:
                    _record(Event.COBROWSE_JOINED, session, by=by, now=now, role=first.role.name.lower())
        except IntegrityError:  # another live session has the same
            continue
        return Joined(session=session, participant=participant, user_token=secret)
    return NO_DIGITS_LEFT


def _record(
    event: Event, session: CobrowseSession, *, by: Origin, now: datetime, **details: str | bool
) -> None:
    record(event, origin=by, at=now, company_id=session.company_id, subject=session, **details)


def _enter(
    session: CobrowseSession, role: Role, *, number: int, name: str, user: User | None, now: datetime
) -> tuple[Participant, str]:
    """Inside a unit: put somebody into the session."""
    secret = entropy.token(USER_TOKEN)
    participant = Participant(
        session=session,
        number=number,
        role=role,
        name=name,
        user=user,
        fingerprint=entropy.fingerprint(secret, purpose=USER_TOKEN),
        joined_at=now,
    )
    Insert(participant).now()
    return participant, secret


def _refuse_more(agent: Agent, *, now: datetime) -> Denied | None:
    """Inside a unit: refuse an agent who is in as many sessions as may be. Holds his row, so two at once do not both find room."""
    _HOLD(pk=agent.user.pk)
    live = sum(over(one, now=now) is None for one in _MINE(agent=agent.user.pk))
    most = snapshot(agent.company_id).number(SESSIONS_PER_AGENT)
    return TOO_MANY_SESSIONS if live >= most else None


def join_as_customer(
    session: CobrowseSession, *, origin: str, name: str, address: str, now: datetime
) -> Joined | Denied:
    """Let the customer into a session, from the page that started it, or from any of the company's where an agent did."""
    if session.origin not in {"", origin}:
        return NO_SUCH_SESSION
    tidy = line(name, field="name", longest=NAME_LENGTH, empty=True)
    if isinstance(tidy, Denied):
        return tidy
    changes = {"customer_seen_at": now, "origin": origin}
    return _joined(session, Role.CUSTOMER, name=tidy, changes=changes, by=Origin(address=address), now=now)


def join_as_agent(session: CobrowseSession, role: Role, *, agent: Agent, now: datetime) -> Joined | Denied:
    """Let an agent, or the application that controls his session, into a session of his company; always in pointer mode.

    The customer reads the name of his account: what he might call himself says nothing of who he is.
    """
    # A controller ends the session for everybody, so it takes as much as changing it does.
    if agent.bound is not None or not agent.may("read" if role is Role.AGENT else "update", session):
        return BY_POLICY
    if session.agent_id not in {None, agent.user.pk}:
        return REFUSALS[Refusal.TAKEN]
    changes = {"agent_seen_at": now, **(_agent_values(agent) if role is Role.AGENT else {})}
    return _joined(
        session,
        role,
        name=agent.user.display_name,
        changes=changes,
        by=agent.origin,
        agent=agent,
        now=now,
    )


def _sent_away(one: Participant, agent_id: int | None) -> bool:
    """Whether this is a controller of somebody else than the agent whose session it is now: he may have one of his own."""
    return agent_id is not None and one.role == Role.CONTROLLER and one.user_id != agent_id


def _send_away(others: Sequence[Participant], agent: Agent, *, now: datetime) -> None:
    """Inside a unit: let a controller of somebody else go, who was there before the agent."""
    for one in others:
        if one.left_at is None and _sent_away(one, agent.user.pk):
            one.left_at = now
            Participant.objects.filter(pk=one.pk).update(left_at=now)


def _joined(
    session: CobrowseSession,
    role: Role,
    *,
    name: str,
    changes: dict[str, Any],
    by: Origin,
    now: datetime,
    agent: Agent | None = None,
) -> Joined | Denied:
    try:
        with unit():
            if role is Role.AGENT and agent is not None and session.agent_id is None:
                refused = _refuse_more(agent, now=now)
                if refused is not None:
                    return refused
            found = locked(session)
            if found is None or over(found, now=now) is not None:
                return ENDED
            if agent is not None and found.agent_id not in {None, agent.user.pk}:
                return REFUSALS[Refusal.TAKEN]
            others = _PEOPLE(session=found.pk)
            if role is Role.AGENT and agent is not None:
                _send_away(others, agent, now=now)
            led_by = agent.user.pk if role is Role.AGENT and agent is not None else found.agent_id
            there = [one.role for one in others if not _sent_away(one, led_by)]
            facts = states.join(facts_of(found, there), role)
            if isinstance(facts, Refusal):
                return REFUSALS[facts]
            participant, secret = _enter(
                found,
                role,
                number=max((one.number for one in others), default=0) + 1,
                name=name,
                user=agent.user if agent is not None else None,
                now=now,
            )
            changes = {**changes, "state": facts.state, "updated_at": now}
            if facts.state is State.ACTIVE and found.activated_at is None:
                # Both sides are heard from now on, whoever came first.
                changes |= {"activated_at": now, "customer_seen_at": now, "agent_seen_at": now}
            change(found, changes)
            # By which name the customer knows the agent, and whether the desktop proved itself.
            told: dict[str, str | bool] = {}
            if agent is not None:
                told = {"name": name, "authenticated": agent.is_authenticated}
            _record(Event.COBROWSE_JOINED, found, by=by, now=now, role=role.name.lower(), **told)
    except IntegrityError:  # of each role there is one
        return REFUSALS[Refusal.TAKEN]
    return Joined(session=found, participant=participant, user_token=secret, others=others)

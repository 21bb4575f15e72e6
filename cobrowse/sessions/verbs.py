"""The verbs on sessions that there are: moved between modes, left, ended. Each is written down in its own transaction."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import Origin, record
from cobrowse.agents import BY_POLICY, Agent
from cobrowse.models import CobrowseSession, Page, Participant
from cobrowse.sessions import states
from cobrowse.sessions.data import merged
from cobrowse.sessions.finding import ENDED
from cobrowse.sessions.life import change, end, facts_of, locked, over, settled
from cobrowse.sessions.refusals import REFUSALS
from cobrowse.sessions.states import Action, Ended, Refusal, Right, Role
from core.db import unit
from core.origins import origin_of
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Kind
from tenants.rules import may_touch

MOST_PAGES = 500  # of one session; what comes after is not kept
LONGEST_URL = 1_000
CONTROLLER_ONLY = Denied(
    code="controller_only", message=_("Only a controller stops a session. Whoever is in it can leave it.")
)
NO_CONTROL = Denied(code="forbidden", message=_("You may look at this session, and not take part in it."))
BAD_PAGE = Denied(code="invalid", field="url", message=_("This is no page of the site of this session."))


def leave(participant: Participant, *, by: Origin, now: datetime) -> CobrowseSession | Denied:
    """Leave the session, which ends with it unless it was only a controller who left. Twice is once."""
    reason, session = states.leaving_ends(Role(participant.role)), participant.session
    with unit():
        if reason is not None:
            end(session, reason, at=now, origin=by, now=now)
        else:
            Participant.objects.filter(pk=participant.pk, left_at=None).update(left_at=now)
    return session


def stop(participant: Participant, *, agent: Agent | None, now: datetime) -> CobrowseSession | Denied:
    """End the session for everybody in it; for its controller. `agent` is None for the customer, who is none."""
    if participant.role != Role.CONTROLLER or agent is None:
        return CONTROLLER_ONLY
    if participant.left_at is not None and participant.session.ended_at is None:
        return CONTROLLER_ONLY
    if not agent.may("update", participant.session):
        return BY_POLICY
    return _ended(participant.session, Ended.STOPPED, by=agent.origin, now=now)


def end_by_agent(session: CobrowseSession, *, agent: Agent, now: datetime) -> CobrowseSession | Denied:
    """End one's own session, or as an administrator anybody's of the company."""
    if (refused := agent.refuse_change(session)) is not None:
        return refused
    own = session.agent_id == agent.user.pk
    return _ended(session, Ended.AGENT_LEFT if own else Ended.ADMINISTRATOR, by=agent.origin, now=now)


def end_by_administrator(session: CobrowseSession, *, by: Actor, now: datetime) -> CobrowseSession | Denied:
    """End anybody's session of a company in reach."""
    if not may_touch(by.rights, "delete", Kind.COBROWSE, company_id=session.company_id):
        return FORBIDDEN
    if settled(session, now=now).ended_at is not None:
        return ENDED  # by itself, before somebody came to end it
    return _ended(session, Ended.ADMINISTRATOR, by=by.origin, now=now)


def _ended(session: CobrowseSession, reason: Ended, *, by: Origin, now: datetime) -> CobrowseSession | Denied:
    with unit():
        return session if end(session, reason, at=now, origin=by, now=now) else ENDED


def change_mode(
    session: CobrowseSession,
    action: Action,
    *,
    by: Role,
    origin: Origin,
    now: datetime,
    agent: Agent | None = None,
) -> CobrowseSession | Denied:
    """Ask for write mode, grant or refuse it, or go back to pointer mode."""
    # Whoever only sees the session of somebody else, as an administrator or by a token for it, is no part of it.
    if agent is not None and not (session.agent_id == agent.user.pk and _has_control(agent, session, action)):
        return NO_CONTROL
    with unit():
        found = locked(session)
        if found is None or over(found, now=now) is not None:
            return ENDED
        facts = states.change_mode(facts_of(found), action, by=by)
        if isinstance(facts, Refusal):
            return REFUSALS[facts]
        change(found, {"mode": facts.mode, "asked": facts.asked, "updated_at": now})
        record(
            Event.COBROWSE_MODE_CHANGED,
            origin=origin,
            at=now,
            company_id=found.company_id,
            subject=found,
            action=action.value,
            by=by.name.lower(),
        )
    return found


def _has_control(agent: Agent, session: CobrowseSession, action: Action) -> bool:
    right = agent.right_in(session)
    return right is not None and right.covers(Right.VIEW if action is Action.END else Right.CONTROL)


def change_data(
    session: CobrowseSession, given: Any, *, agent: Agent, now: datetime
) -> CobrowseSession | Denied:
    """Put custom data beside those that there are."""
    if (refused := agent.refuse_change(session)) is not None:
        return refused
    with unit():
        found = locked(session)
        if found is None or over(found, now=now) is not None or found.ended_at is not None:
            return ENDED
        data = merged(found.custom_data, given)
        if isinstance(data, Denied):
            return data
        # A policy goes by these data: nobody changes them so that it would not have let him.
        if not agent.may("update", CobrowseSession(uid=found.uid, custom_data=data)):
            return BY_POLICY
        names = sorted(
            name for name in {**found.custom_data, **data} if found.custom_data.get(name) != data.get(name)
        )
        change(found, {"custom_data": data, "updated_at": now})
        record(
            Event.COBROWSE_CHANGED,
            origin=agent.origin,
            at=now,
            company_id=found.company_id,
            subject=found,
            names=names,
        )
    return found


def enter_page(participant: Participant, url: str, *, now: datetime) -> CobrowseSession | Denied:
    """Note that the customer came to a page of the site. What follows ? and # may hold secrets of people, and is not kept."""
    session = participant.session
    if session.ended_at is not None:
        return ENDED
    address = _page_of(url, origin=session.origin)
    if address is None:
        return BAD_PAGE
    with unit():
        if session.pages.count() < MOST_PAGES:
            Page.objects.create(session=session, url=address, entered_at=now)
    return session


def _page_of(url: str, *, origin: str) -> str | None:
    if len(url) > 4 * LONGEST_URL or not url.isascii() or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if origin_of(f"{parts.scheme}://{parts.netloc}") != origin:
        return None
    return f"{origin}{parts.path or '/'}"[:LONGEST_URL]

"""Finding a session by what somebody says of it. Wrong digits are counted, so that guessing them comes to nothing (attack 41)."""

import time
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import Origin, record
from cobrowse.agents import BY_POLICY, Agent
from cobrowse.models import CobrowseSession, Participant
from cobrowse.sessions.digits import TOKEN_DIGITS, typed
from cobrowse.sessions.life import note_agent, settled
from core import entropy
from core.buckets import Buckets
from core.db import unit
from core.http import network_of
from core.outcomes import Denied
from core.prepared import Select, Slot
from core.throttle import Limit, settle, take

# Ten in ten minutes: of a million six-digit codes with a hundred waiting, a guesser hits one in two weeks; of nine digits, never.
WRONG_BY_PERSON = Limit(name="cobrowse-digits", tries=10, window=timedelta(minutes=10))
WRONG_BY_NETWORK = Limit(name="cobrowse-digits-network", tries=20, window=timedelta(minutes=10))
_noted = Buckets(1)  # a minute: whose tries are used up is written down so often
USER_TOKEN = "cobrowse"  # noqa: S105  (a prefix, and what its fingerprint is for)
LONGEST_USER_TOKEN = 100

NO_SUCH_CODE = Denied(
    code="session_not_found",
    message=_(
        "No session is waiting under these digits. They hold for a short time and for one agent: "
        "compare them with the customer's, or have the customer start anew."
    ),
)
NO_SUCH_SESSION = Denied(code="session_not_found", message=_("There is no such session."))
ENDED = Denied(
    code="session_ended",
    message=_(
        "The session has ended. What ended cannot be joined again; the customer can start another one."
    ),
)
NO_SUCH_USER = Denied(code="session_not_found", message=_("This token is of nobody in a session."))


_BY_TOKEN = Select(
    lambda: CobrowseSession.objects.filter(company=Slot("company"), token=Slot("digits"), ended_at=None)
)
_BY_CODE = Select(
    lambda: CobrowseSession.objects.filter(
        company=Slot("company"), code=Slot("digits"), ended_at=None, activated_at=None
    )
)
_BY_USER_TOKEN = Select(
    lambda: Participant.objects.select_related("session").filter(fingerprint=Slot("fingerprint"))
)


def _by_digits(company_id: int, digits: str) -> CobrowseSession | None:
    wanted = _BY_TOKEN if len(digits) == TOKEN_DIGITS else _BY_CODE
    return wanted.first(company=company_id, digits=digits)


def found_by_agent(agent: Agent, text: str, *, now: datetime) -> CobrowseSession | Denied:
    """The live session of the agent's company whose digits these are. Counted, unless it is one."""
    if agent.bound is not None:
        return BY_POLICY  # it is for one session, which it knows by its id
    counter = (WRONG_BY_PERSON, str(agent.user.uid))
    found = _counted(agent.company_id, typed(text), counter, now=now)
    if isinstance(found, Denied) and found.retry_after is not None:
        _note_guessing(agent.company_id, origin=agent.origin, now=now)
    return found


def found_by_customer(company_id: int, text: str, *, address: str, now: datetime) -> CobrowseSession | Denied:
    """The same for whoever asks from the company's own pages, who knows the nine digits: six are for agents, who have signed in."""
    counter, digits = (WRONG_BY_NETWORK, network_of(address)), typed(text)
    wanted = digits if digits is not None and len(digits) == TOKEN_DIGITS else None
    found = _counted(company_id, wanted, counter, now=now)
    if isinstance(found, Denied) and found.retry_after is not None:
        _note_guessing(company_id, origin=Origin(address=address), now=now)
    return found


def _note_guessing(company_id: int, *, origin: Origin, now: datetime) -> None:
    """Write down that somebody's tries are used up; now and then, for he may go on."""
    who = str(origin.actor.uid) if origin.actor is not None else origin.address
    if not _noted.take(who, now=time.monotonic()).refused:
        with unit():
            record(Event.COBROWSE_GUESSED, origin=origin, at=now, company_id=company_id)


def _counted(
    company_id: int, digits: str | None, counter: tuple[Limit, str], *, now: datetime
) -> CobrowseSession | Denied:
    # Before it is looked at, so that of fifty guesses at once no more than the limit are answered.
    if (refused := take(*counter, now=now)) is not None:
        return refused
    found = _by_digits(company_id, digits) if digits is not None else None
    if found is not None:
        found = settled(found, now=now)
    if found is None or found.ended_at is not None:
        return NO_SUCH_CODE
    settle(one=[counter])
    return found


def found_by_id(agent: Agent, uid: UUID, *, now: datetime) -> CobrowseSession | Denied:
    """The session of this id, live or ended, as far as it exists for this agent."""
    found = CobrowseSession.objects.filter(uid=uid, company=agent.company_id).first()
    found = settled(found, now=now) if found is not None else None
    if found is None or not agent.sees(found):
        return NO_SUCH_SESSION
    if found.agent_id == agent.user.pk:
        note_agent(found, agent.principal, now=now)
    return found


def found_by_user_token(token: str, *, now: datetime) -> Participant | Denied:
    """Who holds this token of somebody in a session; of one that has ended, too, so that its end can be told."""
    if len(token) > LONGEST_USER_TOKEN:
        return NO_SUCH_USER
    prints = entropy.fingerprints(token, purpose=USER_TOKEN)
    found = _BY_USER_TOKEN.first_of(prints)
    if found is None:
        return NO_SUCH_USER
    found.session = settled(found.session, now=now)
    return found

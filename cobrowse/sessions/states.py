"""The one state machine of a session. Pure: what may happen to it, and when it is over by itself.

A session waits (idle) until customer and agent are both there, is active while both are, and ends once; what ended stays ended
(design/sources, 1.3 and 1.4). It begins in pointer mode. For write mode the agent asks and the customer decides; either may end it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Protocol


class State(StrEnum):
    """How far a session is."""

    IDLE = "idle"
    ACTIVE = "active"
    ENDED = "ended"


class Mode(StrEnum):
    """What the agent may do on the customer's page."""

    POINTER = "pointer"
    WRITE = "write"


class Asked(StrEnum):
    """Whether the agent asked for write mode, and what became of it."""

    NO = "no"
    REQUESTED = "requested"
    REFUSED = "refused"


class Role(IntEnum):
    """Who somebody is in a session (design/sources, 1.8)."""

    CUSTOMER = 1
    AGENT = 2
    CONTROLLER = 3


class Right(StrEnum):
    """What the agent's side may do; each holds those before it."""

    VIEW = "view"
    POINT = "point"
    CONTROL = "control"

    def covers(self, other: "Right") -> bool:
        """Whether this is as much as the other, or more."""
        order = list(Right)
        return order.index(self) >= order.index(other)


class Ended(StrEnum):
    """Why a session ended."""

    CUSTOMER_LEFT = "customer-left"
    AGENT_LEFT = "agent-left"
    STOPPED = "stopped"
    ADMINISTRATOR = "administrator"
    NOBODY_CAME = "nobody-came"
    SILENT = "silent"
    BARRED = "barred"
    RESTORED = "restored"


class Action(StrEnum):
    """What can be done about write mode."""

    REQUEST = "request"
    GRANT = "grant"
    REFUSE = "refuse"
    END = "end"


class Refusal(StrEnum):
    """Why something cannot happen to a session."""

    OVER = "over"  # it has ended
    TAKEN = "taken"  # somebody is in this role already
    NOT_ACTIVE = "not-active"  # the other side is not there yet
    NOT_YOURS = "not-yours"  # the other side decides this
    NOT_ASKED = "not-asked"  # there is nothing to grant or refuse
    AS_IT_IS = "as-it-is"  # it is so already


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is established about a session."""

    state: State = State.IDLE
    mode: Mode = Mode.POINTER
    asked: Asked = Asked.NO
    present: frozenset[Role] = frozenset()
    expires_at: datetime  # of one that waits
    customer_seen_at: datetime | None = None
    agent_seen_at: datetime | None = None


class Standing(Protocol):
    """What it takes to say whether a session is over by itself: `Facts`, or a row of many, as it came from the database."""

    @property
    def state(self) -> str: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def customer_seen_at(self) -> datetime | None: ...
    @property
    def agent_seen_at(self) -> datetime | None: ...


def lapse(session: Standing, *, idle: timedelta, now: datetime) -> tuple[Ended, datetime] | None:
    """Why and when the session was over by itself, if it was: nobody came in time, or one side fell silent."""
    if session.state == State.IDLE and now >= session.expires_at:
        return Ended.NOBODY_CAME, session.expires_at
    if session.state == State.ACTIVE:
        heard = [at for at in (session.customer_seen_at, session.agent_seen_at) if at is not None]
        if heard and now >= min(heard) + idle:
            return Ended.SILENT, min(heard) + idle
    return None


def join(facts: Facts, role: Role) -> Facts | Refusal:
    """The session with somebody more in it. Of each role there is one, once: nobody who left comes back."""
    if facts.state is State.ENDED:
        return Refusal.OVER
    if role in facts.present:
        return Refusal.TAKEN
    present = facts.present | {role}
    both = {Role.CUSTOMER, Role.AGENT} <= present
    return replace(facts, present=present, state=State.ACTIVE if both else facts.state)


def leaving_ends(role: Role) -> Ended | None:
    """Why a session ends when somebody in this role leaves; None where it goes on without him."""
    return {Role.CUSTOMER: Ended.CUSTOMER_LEFT, Role.AGENT: Ended.AGENT_LEFT}.get(role)


def change_mode(facts: Facts, action: Action, *, by: Role) -> Facts | Refusal:
    """The session after this was done about write mode. A controller stands on the agent's side."""
    if facts.state is not State.ACTIVE:
        return Refusal.OVER if facts.state is State.ENDED else Refusal.NOT_ACTIVE
    customer = by is Role.CUSTOMER
    if action is Action.END:
        if facts.mode is Mode.POINTER and facts.asked is Asked.NO:
            return Refusal.AS_IT_IS
        return replace(facts, mode=Mode.POINTER, asked=Asked.NO)
    if customer is (action is Action.REQUEST):
        return Refusal.NOT_YOURS
    if action is Action.REQUEST:
        if facts.mode is Mode.WRITE or facts.asked is Asked.REQUESTED:
            return Refusal.AS_IT_IS
        return replace(facts, asked=Asked.REQUESTED)
    if facts.asked is not Asked.REQUESTED:
        return Refusal.NOT_ASKED
    if action is Action.GRANT:
        return replace(facts, mode=Mode.WRITE, asked=Asked.NO)
    return replace(facts, asked=Asked.REFUSED)

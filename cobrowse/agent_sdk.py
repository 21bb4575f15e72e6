"""The paths and shapes of the published agent client, mapped onto the same sessions (design/sources, 4.9 and 4.10).

Errors carry `id` and `message` there (`core.middleware.as_read_by`). What we do not have (devices, recordings) is an empty list, or 404.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from accounts.models import User
from cobrowse.agents import BOUND, Agent
from cobrowse.sessions.states import Asked, Ended, Mode, State

# state of ours -> theirs; `authorizing` does not come about, for it is the customer who starts, or who enters the digits.
STATES: Mapping[str, str] = {State.IDLE: "pending", State.ACTIVE: "active", State.ENDED: "ended"}
ENDINGS: Mapping[str, str] = {
    Ended.CUSTOMER_LEFT: "device_ended",
    Ended.AGENT_LEFT: "agent_ended",
    Ended.STOPPED: "agent_ended",
    Ended.ADMINISTRATOR: "agent_ended",
    Ended.NOBODY_CAME: "pending_timeout",
    Ended.SILENT: "active_timeout",
    Ended.BARRED: "limit_enforcement",
    Ended.RESTORED: "active_timeout",
}
CONTROLS: Mapping[str, str] = {Asked.NO: "off", Asked.REQUESTED: "requested", Asked.REFUSED: "rejected"}
COLOURS = ("#2f6fde", "#0b8a6a", "#b3541e", "#8a3ffc", "#c2185b", "#00758f", "#6b7a00", "#a2191f")
# What a bearer without a policy may do; the client's helper takes what is not named for allowed, so everything else is named by `*`.
WHOLE: Mapping[str, Any] = {
    "version": 3,
    "sessions": {"permissions": ["create", "read", "update", "point", "control"]},
    "users": {"permissions": ["read"]},
    "accounts": {"permissions": ["read"]},
    "devices": {"permissions": ["read"]},
    "regions": {"permissions": ["read"]},
    "*": {"permissions": []},
}
# What the client offers only where it is on; a feature that is not named counts as on.
FEATURES: Mapping[str, bool] = {
    "remote_control": True,
    "full_device": False,
    "recordings": False,
    "device_listing": False,
    "push": False,
    "calling": False,
}


# What showing a session takes: the attributes of a row, or the columns of one of a thousand.
COLUMNS = (
    "pk", "uid", "company_id", "code", "token", "state", "mode", "asked", "origin", "custom_data", "agent_id", "agent_uid", "agent_name",
    "created_at", "updated_at", "expires_at", "activated_at", "ended_at", "ended_reason", "customer_seen_at", "agent_seen_at",
)  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    # Every time of ours is UTC.
    return None if at is None else f"{at.isoformat(timespec='milliseconds')[:-6]}Z"


@lru_cache(maxsize=1_000)
def _colour(uid: str) -> str:
    return COLOURS[int(uid[:8], 16) % len(COLOURS)]


def _agent(uid: str, name: str) -> dict[str, str]:
    return {"id": uid, "name": name, "colour": _colour(uid)}


@lru_cache(maxsize=1_000)
def _device(origin: str) -> Mapping[str, str]:
    parts = urlsplit(origin)
    return {"app_id": parts.netloc, "app_name": parts.hostname or "", "platform": "web"}


def remote_control(session: Any) -> str:
    """Write mode in their words."""
    return "on" if session.mode == Mode.WRITE else CONTROLS[session.asked]


def _expires(session: Any, idle: timedelta) -> datetime:
    if session.state != State.ACTIVE:
        found: datetime = session.ended_at or session.expires_at
        return found
    heard = [at for at in (session.customer_seen_at, session.agent_seen_at) if at is not None]
    last: datetime = min(heard, default=session.updated_at)
    return last + idle


def session_json(session: Any, *, agent: Agent, idle: timedelta) -> dict[str, Any]:
    """A session as the client reads it: a row, or what has its `COLUMNS`; `idle` is the silence after which an active one ends."""
    waits = session.state == State.IDLE
    shown = _agent(session.agent_uid, session.agent_name) if session.agent_uid else None
    told: dict[str, Any] = {
        "id": str(session.uid),
        "state": STATES[session.state],
        "created": _iso(session.created_at),
        "updated": _iso(session.updated_at),
        "activated": _iso(session.activated_at),
        "ended": _iso(session.ended_at),
        "expires": _iso(_expires(session, idle)),
        "agent": shown,
        "agents": [] if shown is None or waits else [shown],
        "custom_data": session.custom_data,
        "device": _device(session.origin),
        "full_device": "off",
        "remote_control": remote_control(session),
        "recorded": False,
        "calling": "off",
        "virtual": False,
        "ended_reason": ENDINGS.get(session.ended_reason),
    }
    if waits and session.agent_id in {None, agent.user.pk}:
        # Of use to who may join it; and to who made it, to tell the customer.
        told["code"] = session.code
        told["session_token"] = session.token if session.agent_id is not None else None
    return told


def user_json(user: User) -> dict[str, Any]:
    """A person as the client reads one. Events over a socket come with the live view: until then there is no token for one."""
    return {
        "id": str(user.uid),
        "name": user.display_name,
        "email": user.email,
        "notification_token": None,
        "notification_url": None,
    }


def policy_json(agent: Agent) -> dict[str, Any]:
    """What counts for this bearer, in the form of a policy of version 3; what is not named in it is allowed to nobody."""
    if agent.bound is not None:
        own = {
            "id": str(agent.bound.session_uid),
            "permissions": sorted(filter(agent.may, BOUND[agent.bound.right])),
        }
        return {"version": 3, "sessions": own, "*": {"permissions": []}}
    if agent.policy is None:
        return dict(WHOLE)
    named: dict[str, Any] = {}
    for name, entry in agent.policy.entries.items():
        said: dict[str, Any] = {}
        if entry.id is not None:
            said["id"] = entry.id
        if entry.properties:
            said["custom_data"] = dict(entry.properties)
        if entry.permissions is not None:
            said["permissions"] = sorted(entry.permissions)
        named[name] = said
    base = dict(WHOLE) if agent.policy.adjusts else {"version": 3, "*": {"permissions": []}}
    return base | named

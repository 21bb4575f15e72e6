"""Tokens for one agent in one session (mission C5): JWTs of ours, revocable at once, and never worth more than the sign-in behind them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal, principal_of_session
from accounts.tokens.issue import acting
from accounts.tokens.keys import still_verifies
from accounts.tokens.signed import Use, opened, signed
from audit.events import Event
from audit.record import record
from cobrowse.agents import BY_POLICY, Agent, Bound
from cobrowse.models import AgentToken, CobrowseSession
from cobrowse.sessions.finding import ENDED, NO_SUCH_SESSION
from cobrowse.sessions.life import locked
from cobrowse.sessions.states import Right
from core import epoch
from core.db import unit
from core.draft import NOT_FOUND
from core.known import Known
from core.outcomes import Denied

USE = Use(type="gatehouse-agent+jwt", path="/cobrowse", claims=("sub", "session", "right"))
LIFE = timedelta(hours=1)  # and never longer than the sign-in
LEEWAY = timedelta(seconds=5)  # between the clocks of two nodes
MOST, MOST_EVER = 50, 500  # tokens of one session: that hold, and that were ever made

NOT_IN_IT = Denied(
    code="forbidden", message=_("Join the session first: a token is for what you may do in it.")
)

ABOVE_YOURS = Denied(
    code="forbidden", field="right", message=_("You cannot give more than you have in this session.")
)
TOO_MANY = Denied(
    code="too_many_keys", message=_("This session has as many tokens as one may have. Revoke some.")
)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A token that was just made, which is shown this once."""

    row: AgentToken
    token: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a token of this kind says: which signature it has, which row it is, and until when."""

    kid: str
    uid: str
    issued_at: datetime
    expires_at: datetime


# As with access tokens: that the signature is ours is remembered, everything else is asked anew.
_seen = Known[Said]()


@dataclass(frozen=True, kw_only=True)
class _Row:
    sign_in: str
    bound: Bound


def _load(uid: str) -> _Row | None:
    row = AgentToken.objects.select_related("sign_in", "session").filter(uid=uid, revoked_at=None).first()
    if row is None or row.session.ended_at is not None:
        return None
    bound = Bound(token_uid=row.uid, session_uid=row.session.uid, right=Right(row.right), under=row.under)
    return _Row(sign_in=str(row.sign_in.uid), bound=bound)


_rows = epoch.Cached[str, _Row | None](_load)


def issue(session: CobrowseSession, right: Right, *, agent: Agent, now: datetime) -> Issued | Denied:
    """Make a token with which the agent himself, at another program, may do so much in this session and nothing else."""
    if agent.bound is not None or not agent.may("update", session):
        return BY_POLICY
    if session.agent_id != agent.user.pk and not agent.sees_all:
        return NOT_IN_IT
    own = agent.right_in(session)
    if own is None or not own.covers(right):
        return ABOVE_YOURS
    sign_in = agent.principal.session
    expires_at = min(now + LIFE, sign_in.expires_at)
    with unit():
        found = locked(session)
        if found is None:
            return NO_SUCH_SESSION
        if found.ended_at is not None:
            return ENDED
        made = AgentToken.objects.filter(session=found)
        if made.count() >= MOST_EVER or made.filter(revoked_at=None, expires_at__gt=now).count() >= MOST:
            return TOO_MANY
        row = AgentToken.objects.create(
            session=found,
            sign_in_id=sign_in.pk,
            right=right,
            under=agent.under,
            created_at=now,
            expires_at=expires_at,
        )
        record(
            Event.AGENT_TOKEN_ISSUED,
            origin=agent.origin,
            at=now,
            company_id=found.company_id,
            subject=found,
            token=str(row.uid),
            right=right.value,
        )
    claims = {"sub": str(agent.user.uid), "session": str(session.uid), "right": right.value} | acting(sign_in)
    token = signed(claims, use=USE, jti=str(row.uid), issued_at=now, expires_at=expires_at)
    return Issued(row=row, token=token)


def revoke(session: CobrowseSession, uid: uuid.UUID, *, agent: Agent, now: datetime) -> Denied | None:
    """End a token of one's own, or as an administrator anybody's of the company; it holds no longer within a second."""
    row = AgentToken.objects.select_related("sign_in").filter(session=session, uid=uid).first()
    mine = row is not None and row.sign_in.user_id == agent.user.pk
    if row is None or not (mine or agent.ends_all):
        return NOT_FOUND
    if agent.bound is not None and agent.bound.token_uid != row.uid:
        return BY_POLICY
    with unit():
        if AgentToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now):
            record(
                Event.AGENT_TOKEN_REVOKED,
                origin=agent.origin,
                at=now,
                company_id=session.company_id,
                subject=session,
                token=str(row.uid),
            )
            epoch.bump()
    return None


def read(token: str) -> Said | None:
    """What a token of this kind says, whatever its time; None for anything else."""
    if (known := _seen.get(token)) is not None:
        return known if still_verifies(known.kid) else None
    found = opened(token, use=USE)
    if found is None:
        return None
    key, claims = found
    try:
        said = Said(
            kid=key.kid,
            uid=str(uuid.UUID(claims["jti"])),
            issued_at=datetime.fromtimestamp(claims["iat"], tz=UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], tz=UTC),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        return None
    _seen.keep(token, said)
    return said


def principal_of(said: Said, *, now: datetime) -> tuple[Principal, Bound] | None:
    """The person behind a token that holds, and what it is bound to. No statement once it is known."""
    if said.expires_at <= now or said.issued_at > now + LEEWAY:
        return None
    row = _rows(said.uid)
    if row is None:
        return None
    principal = principal_of_session(row.sign_in)
    if principal is None or not principal.is_live(now=now):
        return None
    return principal, row.bound

"""Who works with sessions: a signed-in person with the privilege, at a desktop that the company's cluster knows (mission C4, C6).

Every request of the agent's side comes through `admit`. What it refuses is in the log, and the sentence is for the agent.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.grants import COBROWSE, policy_of
from accounts.models import User
from accounts.principal import Principal
from accounts.tokens.policy import Policy
from audit.record import Origin
from cobrowse.decision import Log, Reason, Verdict, decide
from cobrowse.models import CobrowseSession
from cobrowse.options import REFUSE_WHEN_UNSET
from cobrowse.sessions.states import Right, State
from cobrowse.tokens import desk_of
from core.outcomes import FORBIDDEN, Denied
from tenants.models import Kind
from tenants.rules import may_touch
from tenants.settings import snapshot

logger = logging.getLogger("cobrowse")

NO_PRIVILEGE = Denied(
    code="privilege_missing",
    message=_(
        "You may not work with co-browse sessions: the privilege “Agent - Can Monitor Co-browse” is missing. "
        "Your administrator can give you a role that has it."
    ),
)
NO_COMPANY = Denied(
    code="no_company",
    message=_(
        "You belong to no company, so there is no session that you could join. The administration lists the sessions of all companies."
    ),
)
BY_POLICY = Denied(code="forbidden", message=_("The policy of your token does not allow this."))
SENTENCES: Mapping[Reason, str | Promise] = {
    Reason.INVALID: _(
        "The session does not start: the agent token of this desktop is not the one that the Co-browse Cluster expects. "
        "Ask your administrator to enter the same token in both applications."
    ),
    Reason.MISSING: _(
        "The session does not start: this desktop sent no agent token, and the Co-browse Cluster expects one. "
        "Ask your administrator to enter the same token in both applications."
    ),
}
NOT_SET_UP = _(
    "The session does not start: agent authentication is not set up here, and without it nobody is let in. "
    "Ask your administrator to enter a token in the Co-browse Cluster application."
)


# What a token for one session allows there, in the words of policies.
BOUND: Mapping[Right, frozenset[str]] = {
    Right.VIEW: frozenset({"read"}),
    Right.POINT: frozenset({"read", "point"}),
    Right.CONTROL: frozenset({"read", "point", "control", "update"}),
}


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a token for one agent in one session allows, and what the cluster asked of desktops when it was made."""

    token_uid: UUID
    session_uid: UUID
    right: Right
    under: str


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Somebody who was let in, for one request."""

    principal: Principal
    company_id: int
    origin: Origin
    under: str  # the fingerprint of the cluster's token; empty where it has none
    is_authenticated: bool  # whether the desktop proved itself
    bound: Bound | None = None

    @property
    def user(self) -> User:
        """The person."""
        return self.principal.user

    @cached_property
    def policy(self) -> Policy | None:
        """What the token of an integration lets its bearer reach; None where there is none, and the person's rights decide."""
        grant = self.principal.session.grant
        return None if grant is None else policy_of(grant)

    def may(self, action: str, session: Any = None) -> bool:
        """Whether the token allows this: with this session, or with some. What the person may is asked apart."""
        if self.bound is not None:
            is_it = session is None or session.uid == self.bound.session_uid
            if not is_it or action not in BOUND[self.bound.right]:
                return False
        if self.policy is None:
            return True
        if session is None:
            entry = self.policy.entry(COBROWSE)
            return self.policy.adjusts if entry is None else entry.permits(action)
        return self.policy.allows(COBROWSE, action, id=str(session.uid), properties=session.custom_data)

    def right_in(self, session: CobrowseSession) -> Right | None:
        """How much of this session the token opens; None for nothing."""
        actions = {Right.CONTROL: "control", Right.POINT: "point", Right.VIEW: "read"}
        return next((right for right, action in actions.items() if self.may(action, session)), None)

    @property
    def sees_all(self) -> bool:
        """Whether the sessions of every agent of the company may be seen."""
        return may_touch(self.principal.rights, "view", Kind.COBROWSE, company_id=self.company_id)

    @property
    def ends_all(self) -> bool:
        """Whether the sessions of every agent of the company may be ended."""
        return may_touch(self.principal.rights, "delete", Kind.COBROWSE, company_id=self.company_id)

    def takes_part(self, session: CobrowseSession) -> bool:
        """Whether the bearer may do something in the session beside looking on; a token for it may be for looking alone."""
        return self.bound is None or self.may("update", session)

    def refuse_change(self, session: CobrowseSession) -> Denied | None:
        """Why the agent may not change or end the session: it is neither his own, nor is he an administrator of them."""
        if not self.may("update", session):
            return BY_POLICY
        return None if session.agent_id == self.user.pk or self.ends_all else FORBIDDEN

    def _is_named(self, session: CobrowseSession) -> bool:
        """Whether the policy is about this very session, whoever its agent is: who signed it lets its bearer look on."""
        entry = self.policy.entries.get(COBROWSE) if self.policy is not None else None
        return entry is not None and entry.id == str(session.uid)

    def sees(self, session: CobrowseSession) -> bool:
        """Whether the session exists for this agent: one of his own, one that waits for an agent (whose id nobody guesses), or any of
        the company's for who sees all of them."""
        if session.company_id != self.company_id or not self.may("read", session):
            return False
        waits = session.agent_id is None and session.state == State.IDLE
        return session.agent_id == self.user.pk or waits or self.sees_all or self._is_named(session)


def admit(principal: Principal, *, shown: str, address: str, bound: Bound | None = None) -> Agent | Denied:
    """Let somebody in who may work with sessions. `shown` is the fingerprint of what the desktop sent (`cobrowse.tokens`).

    No statement once the company's options are known.
    """
    if not principal.rights.may_monitor:
        return NO_PRIVILEGE
    company_id = principal.user.company_id
    if company_id is None:
        return NO_COMPANY
    desk = desk_of(company_id)
    if bound is not None and not shown:
        shown = bound.under  # it was made for a desktop that had proved itself by this
    verdict = decide(
        is_set=desk.is_on,
        sent=desk.sent(shown),
        refuse_unset=snapshot(company_id).on(REFUSE_WHEN_UNSET),
    )
    if verdict.log is not None:
        logger.warning(
            "%s: person %s of company %s",
            verdict.log.value,
            principal.user.uid,
            principal.company_uid(company_id),
        )
    if not verdict.goes_on:
        return _refusal(verdict)
    return Agent(
        principal=principal,
        company_id=company_id,
        origin=principal.actor(address=address).origin,
        under=desk.cluster,
        is_authenticated=verdict.authenticated,
        bound=bound,
    )


def _refusal(verdict: Verdict) -> Denied:
    reason = verdict.reason or Reason.MISSING
    sentence = NOT_SET_UP if verdict.log is Log.NOT_CONFIGURED else SENTENCES[reason]
    return Denied(code=reason.value, message=sentence)

"""Who calls the agent's side: the bearer of a token for one session, or whoever the rest of the API knows."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import BearerOrSession, invalid_token, principal_of, session_locked
from accounts.models import SessionKind
from accounts.principal import Principal
from accounts.sessions import idle_lock_due, note_use
from accounts.tokens.foreign import EXPIRED_ASSERTION, LONGEST
from accounts.tokens.verify import read_access_token
from cobrowse import agent_tokens
from cobrowse.agents import Agent, Bound, admit
from cobrowse.cors import NOT_ALLOWED, is_foreign
from cobrowse.tokens import sent_print
from core.http import client_address
from core.refusals import Refused, settled

AGENT_TOKEN = "X-Agent-Token"  # noqa: S105  (a header)
# The published client reads these words literally, and asks its application for another token (design/sources, 4.4).
EXPIRED = AuthenticationFailed(str(EXPIRED_ASSERTION.message), code=EXPIRED_ASSERTION.code)


class AgentBearer(BearerOrSession):
    """The same as everywhere, and tokens for one agent in one session, which are of use here alone."""

    def _bearer(self, header: str, request: HttpRequest) -> Principal:
        scheme, _space, token = header.partition(" ")
        token = token.strip()
        now = timezone.now()
        if scheme.lower() == "bearer" and len(token) <= LONGEST and token.isascii():
            if (said := agent_tokens.read(token)) is not None:
                if said.expires_at <= now:
                    raise EXPIRED
                found = agent_tokens.principal_of(said, now=now)
                if found is None:
                    raise invalid_token()
                principal, request.bound = found  # type: ignore[attr-defined]
                # It is no use of the page whose sign-in stands behind it, and is worth nothing while that page is locked.
                if principal.session.locked_at is not None or idle_lock_due(principal.session, now=now):
                    raise session_locked()
                if principal.session.kind != SessionKind.PAGE:
                    note_use(principal.session, now=now)
                return principal
            access = read_access_token(token)
            if access is not None and access.expires_at <= now:
                raise EXPIRED
        return super()._bearer(header, request)


def agent_behind(request: Request) -> Agent:
    """The agent who calls; raises Refused for who may not work with sessions, or whose desktop the cluster does not know."""
    principal = principal_of(request)
    if is_foreign(request._request, company_id=principal.user.company_id):
        raise Refused(NOT_ALLOWED)
    bound: Bound | None = getattr(request._request, "bound", None)
    return settled(
        admit(
            principal,
            shown=sent_print(request.headers.get(AGENT_TOKEN, "")),
            address=client_address(request._request),
            bound=bound,
        )
    )


class AgentSide(APIView):
    """The base of every view of the agent's side: `self.agent` was let in before the view begins."""

    authentication_classes = (AgentBearer,)
    refusals = (403, 404, 409)
    for_programs = True  # an agent's rights, and the policy of his token, bound what it does
    agent: Agent

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the agent in; raises Refused."""
        super().initial(request, *args, **kwargs)
        self.agent = agent_behind(request)

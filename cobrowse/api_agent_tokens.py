"""Tokens for one agent in one session, over REST. A door of the agent's side, for an agent makes them for himself."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from cobrowse import agent_tokens
from cobrowse import serializers_rest as shapes
from cobrowse.authentication import AgentSide
from cobrowse.models import AgentToken, CobrowseSession
from cobrowse.sessions.finding import found_by_id
from cobrowse.sessions.states import Right
from core.api import body
from core.refusals import settled


def _told(row: AgentToken) -> dict[str, Any]:
    return {
        "id": row.uid,
        "agent": row.sign_in.user.uid,
        "right": row.right,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
    }


class AgentTokens(AgentSide):
    """Tokens for oneself in one session: to look, to point, or to type and click there, and to do nothing else."""

    reads = shapes.AgentTokensTold
    bodies = {"post": shapes.NewAgentToken}
    answers = {"post": shapes.AgentTokenMade}
    created = ("post",)

    def _session(self, id: UUID) -> CobrowseSession:
        return settled(found_by_id(self.agent, id, now=timezone.now()))

    def get(self, request: Request, id: UUID) -> Response:
        """One's own tokens of this session, or as an administrator everybody's; without the tokens themselves."""
        rows = self._session(id).agent_tokens.select_related("sign_in__user")
        if not self.agent.ends_all:
            rows = rows.filter(sign_in__user=self.agent.user)
        return Response({"results": [_told(row) for row in rows]})

    def post(self, request: Request, id: UUID) -> Response:
        """Make one, at most of as much as one has oneself. The token is in this answer and nowhere else; it holds for an hour at most."""
        given = body(request, shapes.NewAgentToken)
        issued = settled(
            agent_tokens.issue(self._session(id), Right(given["right"]), agent=self.agent, now=timezone.now())
        )
        return Response(_told(issued.row) | {"token": issued.token}, status=status.HTTP_201_CREATED)


class OneAgentToken(AgentSide):
    """One token."""

    reads = shapes.AgentTokensTold
    answers = {"delete": None}

    def delete(self, request: Request, id: UUID, token: UUID) -> Response:
        """Revoke it; it holds no longer within a second."""
        now = timezone.now()
        session = settled(found_by_id(self.agent, id, now=now))
        settled(agent_tokens.revoke(session, token, agent=self.agent, now=now) or True)
        return Response(status=status.HTTP_204_NO_CONTENT)

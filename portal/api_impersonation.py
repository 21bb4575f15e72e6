"""People over REST, with acting as them: here, because only the second factors above the accounts know what proves enough."""

from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import serializers as shapes
from accounts.api import Users
from accounts.authentication import principal_of
from accounts.impersonation import begin_impersonation
from accounts.tokens.issue import token_pair
from core.api import actor
from core.http import user_agent
from core.refusals import Refused, settled
from twofactor.services.recent import refuse_unproved


class People(Users):
    """People."""

    bodies = {**Users.bodies, "impersonate": shapes.Impersonation}
    answers = {**Users.answers, "impersonate": shapes.ImpersonationShown}
    verbs = {**Users.verbs, "impersonate": "impersonate"}

    @action(detail=True, methods=["post"])
    def impersonate(self, request: Request, **where: Any) -> Response:
        """Act as this person for a short time; the person is told. A recent confirmation is asked for (403 `confirm_first`)."""
        user, given, now = self.get_object(), self.body(), timezone.now()
        if (refused := refuse_unproved(principal_of(request).session, now=now)) is not None:
            raise Refused(refused)
        agent = user_agent(request._request)
        begun = settled(begin_impersonation(user, **given, user_agent=agent, by=actor(request), now=now))
        answer = {**token_pair(begun.session, now=now), "session": begun.session.uid}
        shown = shapes.ImpersonationShown(answer | {"ends_at": begun.session.expires_at})
        return Response(shown.data, status=status.HTTP_201_CREATED)

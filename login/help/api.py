"""Help requests over REST: who waits, and the answers."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import Resource, Values, actor
from login.help import serializers as shapes
from login.help.answering import confirm_person, deny_person
from login.help.asking import as_it_is, in_state
from login.models import HelpRequest
from twofactor.api_caller import confirmed
from twofactor.services.two_persons import needed_for_each


class HelpRequests(Resource):
    """People who have given the first proof and ask an administrator to make sure of them in the place of the second."""

    model = HelpRequest
    reads = shapes.HelpRequestShown
    bodies = {"confirm": shapes.HelpConfirmation, "deny": shapes.HelpDenial}
    answers = {"confirm": shapes.HelpRequestShown, "deny": shapes.HelpRequestShown}
    verbs = {"confirm": "change", "deny": "change"}
    filters = shapes.HelpRequestFilters
    related = ("company", "user__company", "attempt")
    prefetched = ("answers",)
    for_programs = False  # a program has seen nobody's face
    http_method_names = ("get", "post", "head")  # type: ignore[assignment]

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The rows that the filters leave; what is over does not wait, though the books may say so a little longer."""
        state = given.pop("state", None)
        found = super().narrowed(rows, given)
        return found if state is None else found.filter(in_state(state, now=timezone.now()))

    def show(self, found: Any, **how: Any) -> Any:
        """The plain values of a page, or of one, as they really are."""
        now = timezone.now()
        shown = list(found if how.get("many") else [found])
        needed = needed_for_each([one.user for one in shown], now=now)
        for one in shown:
            as_it_is(one, now=now).needed = needed[one.user_id]
        return super().show(found, **how)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, **where: Any) -> Response:
        """Say that it is the person (confirmed): the one sign-in goes on once enough administrators have. Three wrong numbers deny it."""
        asked = self.get_object()
        confirmed(request)
        return self.settle(confirm_person(asked, **self.body(), by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"])
    def deny(self, request: Request, **where: Any) -> Response:
        """End the request, and the sign-in that asks."""
        asked = self.get_object()
        return self.settle(deny_person(asked, **self.body(), by=actor(request), now=timezone.now()))

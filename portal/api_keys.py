"""API keys over REST. Here and not in accounts, for what counts as a recent proof, the second factor says."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import serializers_keys as shapes
from accounts.api_keys import KeyDraft, make_key, rename_key, revoke_key
from accounts.authentication import principal_of
from accounts.models import ApiKey, Session
from core.api import Resource, Values, actor
from core.refusals import settled
from twofactor.api_caller import confirmed


class ApiKeys(Resource):
    """API keys: one's own, and those of people in reach."""

    model = ApiKey
    reads = shapes.ApiKeyShown
    bodies = {"create": shapes.NewApiKey, "partial_update": shapes.ChangedApiKey}
    answers = {"create": shapes.ApiKeyMade}
    filters = shapes.ApiKeyFilters
    related = ("session__user__company",)

    def get_queryset(self) -> QuerySet[Any]:
        """What the caller may see, and his own."""
        return self._with_own(super().get_queryset())

    def reached(self) -> QuerySet[Any]:
        """What exists for the caller, and his own."""
        return self._with_own(super().reached())

    def _with_own(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        principal = principal_of(self.request)
        if principal.is_bounded:
            return rows
        return rows | self.joined(ApiKey.objects.filter(session__user=principal.user))

    def need(self) -> None:
        """Nothing for one's own; for others', the privilege, which `get_object` and the verb ask for. Always, of a key or token."""
        if principal_of(self.request).is_bounded:
            super().need()

    def get_object(self) -> Any:
        """The key that the address names; somebody else's only with the privilege for the action."""
        found = super().get_object()
        if found.session.user_id != principal_of(self.request).user.pk:
            super().need()
        return found

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The keys that the filters leave."""
        live = given.pop("live", None)
        rows = rows.filter(**given)
        if live is None:
            return rows
        holding = Session.live(now=timezone.now(), path="session__")
        return rows.filter(holding) if live else rows.exclude(holding)

    def create(self, request: Request) -> Response:
        """Make a key for oneself, or for somebody in reach who does not stand above one (confirmed). Only this answer has its secret."""
        # Without Idempotency-Key, unlike every other create: the answer would be kept for a day, and the secret with it.
        principal = confirmed(request)
        given: Values = {"user": principal.user} | self.body()
        draft = KeyDraft(**given)
        made = settled(make_key(draft, session=principal.session, by=actor(request), now=timezone.now()))
        location = f"{request.path}{made.uid}/"
        return Response(shapes.ApiKeyMade(made).data, status=201, headers={"Location": location})

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Give a key another name."""
        key, given = self.get_object(), self.body()
        return self.settle(
            rename_key(key, given.get("name", key.name), by=actor(request), now=timezone.now())
        )

    def destroy(self, request: Request, **where: Any) -> Response:
        """Revoke a key, everywhere within a second."""
        return self.settle_gone(revoke_key(self.get_object(), by=actor(request), now=timezone.now()))

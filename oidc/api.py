"""Clients of OpenID Connect over REST."""

from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import principal_of
from accounts.serializers import Nothing
from core.api import Resource, Values, actor
from core.idempotency import idempotent
from core.refusals import settled
from oidc import clients as verbs
from oidc import serializers as shapes
from oidc.clients import ClientDraft
from oidc.models import Client
from twofactor.api_caller import confirmed


class Clients(Resource):
    """Systems that people sign in to from here, by OpenID Connect. What lets one do more is confirmed."""

    model = Client
    reads = shapes.ClientShown
    bodies = {"create": shapes.NewClient, "partial_update": shapes.ChangedClient, "secret": Nothing}
    answers = {"secret": shapes.ClientSecretShown}
    verbs = {"secret": "change"}
    created = ("secret",)
    filters = shapes.ClientFilters
    related = ("company",)

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a client (confirmed). It has no secret yet."""
        self.need()
        confirmed(request)
        given: Values = {"company": principal_of(request).company} | self.body()
        return self.settle_new(
            verbs.create_client(ClientDraft(**given), by=actor(request), now=timezone.now())
        )

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a client (confirmed). Its sessions end where it may do less than before."""
        client = self.get_object()
        confirmed(request)
        draft = ClientDraft(**self.body())
        return self.settle(verbs.change_client(client, draft, by=actor(request), now=timezone.now()))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete a client; its sessions end within a second."""
        return self.settle_gone(verbs.delete_client(self.get_object(), by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"])
    def secret(self, request: Request, **where: Any) -> Response:
        """Make a secret (confirmed), which is in this answer alone; the one before is worth nothing from now on."""
        client = self.get_object()
        confirmed(request)
        self.body()
        made = settled(verbs.make_secret(client, by=actor(request), now=timezone.now()))
        shown = {"client_id": made.client.client_id, "client_secret": made.secret}
        return Response(shapes.ClientSecretShown(shown).data, status=status.HTTP_201_CREATED)

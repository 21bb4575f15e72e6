"""Integrations over REST. Here and not in accounts, for what counts as a recent proof, the second factor says."""

from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import integrations as verbs
from accounts import serializers_integrations as shapes
from accounts.authentication import principal_of
from accounts.integrations import IntegrationDraft
from accounts.models import Integration, IntegrationKey
from accounts.serializers import Nothing
from core.api import Resource, Values, actor
from core.idempotency import idempotent
from core.refusals import settled
from twofactor.api_caller import confirmed


class Integrations(Resource):
    """Systems that vouch for people of a company by tokens that they sign.

    What makes somebody trusted, or trusted for more, is confirmed. What takes trust away must never wait.
    """

    model = Integration
    reads = shapes.IntegrationShown
    bodies = {
        "create": shapes.NewIntegration,
        "partial_update": shapes.ChangedIntegration,
        "add_keys": shapes.NewKeys,
        "generate_key": shapes.GeneratedKey,
        "read_keys": Nothing,
    }
    answers = {
        "keys": shapes.IntegrationKeysShown,
        "add_keys": shapes.IntegrationKeysShown,
        "generate_key": shapes.GeneratedKeyShown,
        "remove_key": None,
    }
    verbs = {
        "keys": "view",
        "add_keys": "change",
        "generate_key": "change",
        "remove_key": "change",
        "read_keys": "change",
    }
    created = ("add_keys", "generate_key")
    filters = shapes.IntegrationFilters
    related = ("company", "ceiling")

    @idempotent
    def create(self, request: Request) -> Response:
        """Make an integration (confirmed); without `company` of the caller's own. It has no key yet."""
        self.need()
        confirmed(request)
        given: Values = {"company": principal_of(request).company} | self.body()
        draft = IntegrationDraft(**given)
        return self.settle_new(verbs.create_integration(draft, by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of an integration (confirmed). Whom it may no longer vouch for is signed out within a second."""
        integration = self.get_object()
        confirmed(request)
        draft = IntegrationDraft(**self.body())
        return self.settle(
            verbs.change_integration(integration, draft, by=actor(request), now=timezone.now())
        )

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete an integration; whom it signed in is signed out within a second."""
        return self.settle_gone(
            verbs.delete_integration(self.get_object(), by=actor(request), now=timezone.now())
        )

    @action(detail=True, methods=["get"])
    def keys(self, request: Request, **where: Any) -> Response:
        """The public keys that its tokens may be signed with."""
        return Response(shapes.IntegrationKeysShown({"results": self.get_object().keys.all()}).data)

    @keys.mapping.post
    def add_keys(self, request: Request, **where: Any) -> Response:
        """Trust public keys (confirmed): PEM, a JWK or a JWKS, all or none of them."""
        integration = self.get_object()
        confirmed(request)
        given = self.body()
        added = settled(
            verbs.add_keys(
                integration, given["keys"], kid=given["kid"], by=actor(request), now=timezone.now()
            )
        )
        return Response(shapes.IntegrationKeysShown({"results": added}).data, status=status.HTTP_201_CREATED)

    @action(detail=True, methods=["post"], url_path="keys/generate")
    def generate_key(self, request: Request, **where: Any) -> Response:
        """Generate a pair (confirmed). The private key is in this answer and kept nowhere, so there is no answer to be had again."""
        integration = self.get_object()
        confirmed(request)
        given = self.body()
        made = settled(
            verbs.generate_key(integration, given["algorithm"], by=actor(request), now=timezone.now())
        )
        made.key.private_key = made.private_pem  # type: ignore[attr-defined]
        return Response(shapes.GeneratedKeyShown(made.key).data, status=status.HTTP_201_CREATED)

    @action(detail=True, methods=["delete"], url_path="keys/<uuid:key>")
    def remove_key(self, request: Request, **where: Any) -> Response:
        """Trust a key no longer; the sessions that its tokens began end within a second."""
        found = IntegrationKey.objects.select_related("integration").filter(
            integration=self.get_object(), uid=where["key"]
        )
        if (key := found.first()) is None:
            raise NotFound
        return self.settle_gone(verbs.remove_key(key, by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"], url_path="read-keys")
    def read_keys(self, request: Request, **where: Any) -> Response:
        """Read the keys from their address now; `jwks_trouble` says why, where they could not be read."""
        integration = self.get_object()
        self.body()
        return self.settle(verbs.read_keys(integration, by=actor(request), now=timezone.now()))

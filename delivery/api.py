"""Mails and texts on their way, over REST."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import Resource, actor
from core.fields import Strict, Text, Uid
from core.refusals import settled
from delivery.models import Delivery, State
from delivery.services import retry


class DeliveryShown(serializers.ModelSerializer[Delivery]):
    """A message and what became of it; what it says is not shown."""

    id = Uid(source="uid")
    company = serializers.UUIDField(source="company_uid", read_only=True, allow_null=True)
    user = serializers.UUIDField(source="user_uid", read_only=True, allow_null=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "kind",
            "to",
            "template",
            "subject",
            "language",
            "company",
            "user",
            "state",
            "attempts",
            "error",
            "provider_id",
            "created_at",
            "next_try_at",
            "sent_at",
            "delivered_at",
            "expires_at",
        )
        read_only_fields = fields


class DeliveryFilters(Strict):
    """Which messages."""

    state = serializers.ChoiceField(State.choices, required=False)
    to = Text(max_length=254, required=False)


class NoBody(Strict):
    """No fields."""


class Deliveries(Resource):
    """Messages of companies in reach, newest first."""

    model = Delivery
    reads = DeliveryShown
    bodies = {"retry": NoBody}
    verbs = {"retry": "change"}
    filters = DeliveryFilters

    @action(detail=True, methods=["post"])
    def retry(self, request: Request, **where: Any) -> Response:
        """Send again what failed, or at once what waits."""
        delivery = self.get_object()
        self.body()
        settled(retry(delivery, origin=actor(request).origin, now=timezone.now()))
        delivery.refresh_from_db()
        return self.shown(delivery)

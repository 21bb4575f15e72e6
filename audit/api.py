"""The audit trail over REST: read, never written."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from audit.events import Event
from audit.models import AuditEvent
from core.api import Resource, Values
from core.fields import Moment, Strict, Text

EVENTS = [(event.value, event.value) for event in Event]


class AuditEventShown(serializers.ModelSerializer[AuditEvent]):
    """One thing that happened."""

    id = serializers.IntegerField(
        source="pk", read_only=True, help_text=_("Its number in the chain; it never changes.")
    )
    event = serializers.ChoiceField(EVENTS, read_only=True)
    actor = serializers.CharField(
        source="actor_uid", read_only=True, help_text=_("Id of the person; empty: nobody.")
    )
    company = serializers.SerializerMethodField(help_text=_("Id of the company that it concerns."))
    subject = serializers.CharField(
        source="subject_uid", read_only=True, help_text=_("Id of what it happened to.")
    )
    details = serializers.DictField(read_only=True)

    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "at",
            "event",
            "actor",
            "actor_name",
            "company",
            "subject_kind",
            "subject",
            "subject_name",
            "address",
            "request_id",
            "details",
        )
        read_only_fields = fields

    def get_company(self, event: AuditEvent) -> str | None:
        """The id of the company; null when it concerns none, or one that was deleted."""
        uid: str | None = self.context["caller"].company_uid(event.company_id)
        return uid


class AuditFilters(Strict):
    """Which events."""

    event = serializers.ChoiceField(EVENTS, required=False)
    actor = Text(max_length=36, required=False, help_text=_("Id of the person who did it."))
    subject = Text(max_length=64, required=False, help_text=_("Id of what it happened to."))

    def get_fields(self) -> dict[str, Any]:
        """The fields, with the two whose names Python keeps for itself."""
        times = {
            "from": Moment(required=False, help_text=_("Not before this time.")),
            "to": Moment(required=False, help_text=_("Before this time.")),
        }
        return super().get_fields() | times


_COLUMNS = {"actor": "actor_uid", "subject": "subject_uid", "from": "at__gte", "to": "at__lt"}


class AuditEvents(Resource):
    """What happened in the companies in reach, newest first."""

    model = AuditEvent
    reads = AuditEventShown
    filters = AuditFilters
    # The number in the chain: an event has no other name, and the order of the chain is no secret.
    lookup_field = "pk"
    lookup_value_converter = "int"

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The events that the filters leave."""
        return rows.filter(**{_COLUMNS.get(name, name): value for name, value in given.items()})

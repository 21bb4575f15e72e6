"""What the API takes and shows of applications, their options, and co-browse sessions."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from cobrowse.catalogue import LONGEST_ORIGINS
from cobrowse.models import (
    ASKED,
    ENDINGS,
    MODES,
    STATES,
    Application,
    ApplicationType,
    CobrowseSession,
    Participant,
    Validity,
)
from cobrowse.models.applications import NAME_LENGTH
from cobrowse.sessions.history import visits
from cobrowse.sessions.states import Role
from core.fields import Flag, Reference, Strict, Text, Uid
from tenants.models import Company


class ApplicationShown(serializers.ModelSerializer[Application]):
    """A co-browse application of a company."""

    id = Uid(source="uid")
    company = Uid(source="company.uid")
    type = serializers.ChoiceField(ApplicationType.choices, read_only=True)
    tokens = serializers.ChoiceField(
        Validity.choices,
        source="validity",
        read_only=True,
        help_text=_("What came of comparing the tokens of the company's two applications."),
    )
    tokens_compared_at = serializers.DateTimeField(source="checked_at", read_only=True)

    class Meta:
        model = Application
        fields = (
            "id",
            "name",
            "company",
            "type",
            "site_key",
            "tokens",
            "tokens_compared_at",
            "created_at",
        )
        read_only_fields = fields


class NewApplication(Strict):
    """An application to be made."""

    name = Text(max_length=NAME_LENGTH)
    type = serializers.ChoiceField(ApplicationType.choices)
    company = Reference(Company, required=False, help_text=_("Without it, the caller's own company."))


class ChangedApplication(Strict):
    """What is to change of an application; what is not given stays."""

    name = Text(max_length=NAME_LENGTH, required=False)


class ApplicationFilters(Strict):
    """Which applications."""

    company = Reference(Company, required=False)
    type = serializers.ChoiceField(ApplicationType.choices, required=False)


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
)
class OptionValueShown(serializers.Field[Any, Any, Any, Any]):
    """The text, the list of an option that is one, or null for a secret and for what is not set."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"read_only": True} | kwargs))

    def to_representation(self, value: Any) -> Any:
        """The value."""
        return value


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
class OptionValue(serializers.Field[Any, Any, Any, Any]):
    """A text, or for an option that is a list an array of texts."""

    default_error_messages = {
        "no_text": _("Give a text."),
        "no_list": _("Give an array of texts."),
        "too_long": _("This is too long."),
    }

    def to_internal_value(self, data: Any) -> str:
        """The value as one text; raises ValidationError."""
        if self.context["is_list"]:
            if not isinstance(data, list) or not all(isinstance(one, str) for one in data):
                self.fail("no_list")
            data = "\n".join(data)
        elif not isinstance(data, str):
            self.fail("no_text")
        if len(data) > LONGEST_ORIGINS:
            self.fail("too_long")
        return str(data)

    def to_representation(self, value: Any) -> Any:
        """The value."""
        return value


class OptionShown(serializers.Serializer[Any]):
    """One option of an application, set or not."""

    section = serializers.CharField()
    option = serializers.CharField()
    is_secret = serializers.BooleanField(
        help_text=_("Whether its value is kept sealed and never given back.")
    )
    is_list = serializers.BooleanField(help_text=_("Whether its value is an array of texts."))
    is_set = serializers.BooleanField()
    value = OptionValueShown(help_text=_("Null for a secret, and for what is not set."))
    changed_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When it was last set or taken away.")
    )
    changed_by = serializers.CharField(allow_null=True, help_text=_("Name of who did that."))
    help = serializers.CharField()


class OptionsShown(serializers.Serializer[Any]):
    """Every option that an application of this type can have."""

    results = OptionShown(many=True)


class NewOptionValue(Strict):
    """What an option is set to; an empty text or array takes it away."""

    value = OptionValue()


class NewTokenWanted(Strict):
    """A token to be generated."""

    both = Flag(default=True, help_text=_("Put it into both applications of the company."))


class NewTokenShown(serializers.Serializer[Any]):
    """A token that was just generated; it is in this answer and cannot be read again."""

    token = serializers.CharField(help_text=_("26 letters and digits."))
    applications = serializers.ListField(
        child=serializers.UUIDField(), help_text=_("Ids of the applications that have it now.")
    )


class CobrowseAgentShown(serializers.Serializer[Any]):
    """Who works with a session; the name outlives the account."""

    id = serializers.CharField(source="agent_uid")
    name = serializers.CharField(source="agent_name")


class CobrowseSessionShown(serializers.ModelSerializer[CobrowseSession]):
    """A co-browse session, without the digits by which somebody joins it."""

    id = Uid(source="uid")
    company = Uid(source="company.uid")
    state = serializers.ChoiceField(list(STATES), read_only=True)
    mode = serializers.ChoiceField(list(MODES), read_only=True)
    asked = serializers.ChoiceField(
        list(ASKED), read_only=True, help_text=_("Whether the agent asked for write mode.")
    )
    site = serializers.CharField(
        source="origin", read_only=True, help_text=_("Origin of the customer's page.")
    )
    custom_data = serializers.DictField(read_only=True)
    agent = serializers.SerializerMethodField()
    activated_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text=_("When both sides were there.")
    )
    ended_reason = serializers.ChoiceField(
        [("", "–"), *ENDINGS.items()], read_only=True, help_text=_("Empty while it has not ended.")
    )

    class Meta:
        model = CobrowseSession
        fields: tuple[str, ...] = (
            "id",
            "company",
            "state",
            "mode",
            "asked",
            "site",
            "custom_data",
            "agent",
            "created_at",
            "activated_at",
            "ended_at",
            "ended_reason",
        )
        read_only_fields = fields

    @extend_schema_field(CobrowseAgentShown(allow_null=True))
    def get_agent(self, session: CobrowseSession) -> Any:
        """Who joined it, or waits in it."""
        return CobrowseAgentShown(session).data if session.agent_uid else None


class ParticipantShown(serializers.ModelSerializer[Participant]):
    """Somebody in a session."""

    role = serializers.SerializerMethodField()

    class Meta:
        model = Participant
        fields = ("role", "name", "joined_at", "left_at")
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField([one.name.lower() for one in Role]))
    def get_role(self, participant: Participant) -> str:
        """The role in a word."""
        return Role(participant.role).name.lower()


class PageSeenShown(serializers.Serializer[Any]):
    """A page that the customer came to."""

    url = serializers.CharField()
    entered_at = serializers.DateTimeField()
    seconds = serializers.IntegerField(help_text=_("How long it was looked at."))


class CobrowseSessionRead(CobrowseSessionShown):
    """The same with who was in it, and the pages that were seen."""

    participants = ParticipantShown(many=True, read_only=True)
    pages = serializers.SerializerMethodField()

    class Meta(CobrowseSessionShown.Meta):
        fields = (*CobrowseSessionShown.Meta.fields, "participants", "pages")
        read_only_fields = fields

    @extend_schema_field(PageSeenShown(many=True))
    def get_pages(self, session: CobrowseSession) -> Any:
        """The pages, each with the seconds on it."""
        seen = visits(session, now=timezone.now())
        rows = [{"url": one.url, "entered_at": one.entered_at, "seconds": seconds} for one, seconds in seen]
        return PageSeenShown(rows, many=True).data


class CobrowseSessionFilters(Strict):
    """Which sessions."""

    company = Reference(Company, required=False)
    state = serializers.ChoiceField(list(STATES), required=False)
    agent = Reference(User, required=False)

"""What the API takes and shows of API keys."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.api_keys import MOST_DAYS, NAME_LENGTH
from accounts.models import ApiKey, User
from core.fields import Reference, Strict, Text, Uid, Whole
from tenants.rights import SCOPES

SCOPE_CHOICES = [(one, one) for one in SCOPES]


class ApiKeyShown(serializers.ModelSerializer[ApiKey]):
    """An API key, without its secret."""

    id = Uid(source="uid")
    user = Uid(source="session.user.uid", help_text=_("The person as whom it acts."))
    session = Uid(source="session.uid", help_text=_("Where `sessions/` lists it."))
    scopes = serializers.SerializerMethodField(help_text=_("What it may do, as far as its person may."))
    created_at = serializers.DateTimeField(source="session.created_at", read_only=True)
    expires_at = serializers.DateTimeField(source="session.expires_at", read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text=_("To a minute."))
    ended_at = serializers.DateTimeField(source="session.ended_at", read_only=True, allow_null=True)
    ended_reason = serializers.CharField(source="session.ended_reason", read_only=True)

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "user",
            "session",
            "name",
            "hint",
            "scopes",
            "made_by_name",
            "created_at",
            "expires_at",
            "last_used_at",
            "ended_at",
            "ended_reason",
        )
        read_only_fields = fields

    def get_scopes(self, key: ApiKey) -> list[str]:
        """The scopes."""
        return list(key.scopes)


class ApiKeyMade(ApiKeyShown):
    """A new API key with its secret, which no later answer shows."""

    secret = serializers.CharField(read_only=True)

    class Meta(ApiKeyShown.Meta):
        fields = (*ApiKeyShown.Meta.fields, "secret")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class NewApiKey(Strict):
    """An API key to be made."""

    user = Reference(User, required=False, help_text=_("As whom it acts; oneself unless said."))
    name = Text(max_length=NAME_LENGTH, help_text=_("What uses it."))
    scopes = serializers.ListField(
        child=serializers.ChoiceField(SCOPE_CHOICES),
        max_length=len(SCOPES),
        help_text=_("What it may do, as far as its person may. None: it may only ask who it is."),
    )
    days = Whole(min_value=1, max_value=MOST_DAYS, help_text=_("Days until it ends."))


class ChangedApiKey(Strict):
    """What is to change of an API key."""

    name = Text(max_length=NAME_LENGTH, required=False, help_text=_("What uses it."))


class ApiKeyFilters(Strict):
    """Which API keys."""

    user = Reference(User, required=False)
    live = serializers.BooleanField(required=False, help_text=_("true: only those that hold."))

    def validate(self, given: Any) -> Any:
        """The filters by the names that the rows have."""
        return {"session__user" if name == "user" else name: value for name, value in given.items()}

"""A passkey's answer, and what a browser is asked, as JSON: shared by sign-in and by one's own factors."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.fields import Id, Strict, Text
from twofactor.methods.passkey_wire import LONGEST, read
from twofactor.services.factors import NAME_LENGTH


@extend_schema_field(OpenApiTypes.OBJECT)
class CredentialField(serializers.Field[Any, Any, Any, Any]):
    """What the browser gave (`PublicKeyCredential.toJSON()`), of a size and depth that a credential has."""

    default_error_messages = {
        "invalid": _(
            "Send the credential as the object that the browser gave, at most %(longest)s characters."
        )
        % {"longest": LONGEST}
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object; raises ValidationError."""
        found = read(data) if isinstance(data, dict) else None
        if found is None:
            self.fail("invalid")
        return dict(found)


class PasskeyAsked(serializers.Serializer[Any]):
    """What the browser is asked to make."""

    id = serializers.UUIDField(help_text=_("Of this question; the newest one of the session is answered."))
    options = serializers.DictField(help_text=_("For `PublicKeyCredential.parseCreationOptionsFromJSON`."))


class NewPasskey(Strict):
    """What it is to be called."""

    name = Text(max_length=NAME_LENGTH, required=False, allow_blank=True)


class MadePasskey(Strict):
    """What the browser made."""

    id = Id(required=False, help_text=_("Of the question that it answers; by default the newest."))
    credential = CredentialField(help_text=_("As `toJSON()` of the credential gives it."))
    name = Text(max_length=NAME_LENGTH, required=False, allow_blank=True)


class PasskeyShown(serializers.Serializer[Any]):
    """A passkey that is turned on."""

    id = serializers.UUIDField(source="uid")
    kind = serializers.CharField()
    name = serializers.CharField()
    is_backed_up = serializers.BooleanField(help_text=_("Kept by its maker beyond the one device."))
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)

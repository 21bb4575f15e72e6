"""What the API takes and shows of clients."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.fields import Flag, Reference, Strict, Text, Uid
from oidc.clients import MOST_URIS
from oidc.models import Algorithm, Client
from oidc.protocol import LONGEST_URI, SCOPES
from tenants.models import Company


class ClientShown(serializers.ModelSerializer[Client]):
    """A system that people sign in to from here. Its secret is never shown."""

    id = Uid(source="uid")
    company = Uid(source="company.uid", allow_null=True)
    redirect_uris = serializers.ListField(child=serializers.CharField(), read_only=True)
    logout_uris = serializers.ListField(child=serializers.CharField(), read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    algorithm = serializers.ChoiceField(Algorithm.choices, read_only=True)

    class Meta:
        model = Client
        fields = (
            "id",
            "name",
            "company",
            "client_id",
            "is_public",
            "secret_made_at",
            "redirect_uris",
            "logout_uris",
            "backchannel_uri",
            "scopes",
            "algorithm",
            "asks_consent",
            "needs_factor",
            "is_active",
            "created_at",
        )
        read_only_fields = fields


def _said(name: str) -> dict[str, Any]:
    """What the column of this name says of itself."""
    return {"required": False, "help_text": Client._meta.get_field(name).help_text}  # type: ignore[union-attr]


def _uris(name: str, **more: Any) -> Any:
    child = Text(max_length=LONGEST_URI)
    return serializers.ListField(child=child, max_length=MOST_URIS, **{**_said(name), **more})


class _Client(Strict):
    logout_uris = _uris("logout_uris")
    backchannel_uri = Text(max_length=LONGEST_URI, allow_blank=True, **_said("backchannel_uri"))
    scopes = serializers.ListField(child=Text(max_length=20), max_length=len(SCOPES), **_said("scopes"))
    algorithm = serializers.ChoiceField(Algorithm.choices, required=False)
    asks_consent = Flag(**_said("asks_consent"))
    needs_factor = Flag(**_said("needs_factor"))
    is_active = Flag(**_said("is_active"))


class NewClient(_Client):
    """A client to be made."""

    name = Text(max_length=120)
    company = Reference(
        Company,
        required=False,
        allow_null=True,
        help_text=_("Without it, the caller's own company; of whoever has none, everybody's."),
    )
    is_public = Flag(**_said("is_public"))
    redirect_uris = _uris("redirect_uris", required=True)


class ChangedClient(_Client):
    """What is to change of a client; what is not given stays."""

    name = Text(max_length=120, required=False)
    company = Reference(
        Company, required=False, allow_null=True, help_text=_("Stays; another one is refused.")
    )
    is_public = Flag(**_said("is_public"))
    redirect_uris = _uris("redirect_uris")


class ClientSecretShown(serializers.Serializer[Any]):
    """A new secret. It is in this answer and cannot be read again."""

    client_id = serializers.CharField()
    client_secret = serializers.CharField()


class ClientFilters(Strict):
    """Which clients."""

    company = Reference(Company, required=False)
    is_active = serializers.BooleanField(required=False)

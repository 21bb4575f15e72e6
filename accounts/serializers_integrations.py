"""What the API takes and shows of integrations and their keys."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.integrations.address import LONGEST_URL
from accounts.integrations.reading import trouble_of
from accounts.integrations.verbs import LONGEST_LIFE
from accounts.models import Integration, IntegrationKey, KeySource, Preset
from accounts.tokens.foreign_keys import LONGEST, LONGEST_KID, MADE, RS256
from core.fields import Flag, Reference, Strict, Text, Uid, Whole
from core.origins import LONGEST_ORIGIN, MOST_ORIGINS
from tenants.models import Company, Role


class IntegrationShown(serializers.ModelSerializer[Integration]):
    """A system that vouches for people of one company."""

    id = Uid(source="uid")
    company = Uid(source="company.uid")
    ceiling = Uid(source="ceiling.uid")
    preset = serializers.ChoiceField(Preset.choices, read_only=True)
    origins = serializers.ListField(child=serializers.CharField(), read_only=True)
    jwks_trouble = serializers.SerializerMethodField(
        help_text=_("Why its keys could not be read the last time; empty when they were.")
    )

    class Meta:
        model = Integration
        fields = (
            "id",
            "name",
            "company",
            "preset",
            "licence_key",
            "ceiling",
            "lifetime_minutes",
            "accepts_cobrowse",
            "origins",
            "jwks_url",
            "jwks_read_at",
            "jwks_trouble",
            "is_active",
            "created_at",
        )
        read_only_fields = fields

    def get_jwks_trouble(self, integration: Integration) -> str:
        """The trouble in a sentence."""
        return trouble_of(integration)


def _said(name: str) -> dict[str, Any]:
    """What the column of this name says of itself."""
    return {"required": False, "help_text": Integration._meta.get_field(name).help_text}  # type: ignore[union-attr]


class _Integration(Strict):
    lifetime_minutes = Whole(min_value=1, max_value=LONGEST_LIFE, **_said("lifetime_minutes"))
    accepts_cobrowse = Flag(**_said("accepts_cobrowse"))
    origins = serializers.ListField(
        child=Text(max_length=LONGEST_ORIGIN),
        max_length=MOST_ORIGINS,
        required=False,
        help_text=_("Sites that may show our pages in a frame: such as https://desk.example.com."),
    )
    jwks_url = Text(max_length=LONGEST_URL, allow_blank=True, **_said("jwks_url"))
    is_active = Flag(**_said("is_active"))


class NewIntegration(_Integration):
    """An integration to be made."""

    name = Text(max_length=120)
    company = Reference(Company, required=False, help_text=_("Without it, the caller's own company."))
    preset = serializers.ChoiceField(Preset.choices, **_said("preset"))
    ceiling = Reference(Role, help_text=_("Id of a role: nobody who can do more is let in."))


class ChangedIntegration(_Integration):
    """What is to change of an integration; what is not given stays."""

    name = Text(max_length=120, required=False)
    company = Reference(Company, required=False, help_text=_("Stays; another one is refused."))
    preset = serializers.ChoiceField(Preset.choices, **_said("preset"))
    ceiling = Reference(Role, required=False, help_text=_("Id of a role: nobody who can do more is let in."))


class IntegrationFilters(Strict):
    """Which integrations."""

    company = Reference(Company, required=False)
    preset = serializers.ChoiceField(Preset.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class PublicKeyShown(serializers.Serializer[Any]):
    """What makes a public key (RFC 7517)."""

    kty = serializers.ChoiceField(["RSA", "EC", "OKP"])
    n = serializers.CharField(required=False)
    e = serializers.CharField(required=False)
    crv = serializers.ChoiceField(["P-256", "Ed25519"], required=False)
    x = serializers.CharField(required=False)
    y = serializers.CharField(required=False)


class IntegrationKeyShown(serializers.ModelSerializer[IntegrationKey]):
    """A public key that is trusted."""

    id = Uid(source="uid")
    source = serializers.ChoiceField(KeySource.choices, read_only=True)  # type: ignore[assignment]
    public = serializers.SerializerMethodField()

    class Meta:
        model = IntegrationKey
        fields = ("id", "kid", "algorithm", "public", "source", "created_at", "used_at")
        read_only_fields = fields

    def get_public(self, key: IntegrationKey) -> PublicKeyShown:
        """The key itself."""
        return key.public  # type: ignore[no-any-return]


class IntegrationKeysShown(serializers.Serializer[Any]):
    """The keys that are trusted, the oldest first."""

    results = IntegrationKeyShown(many=True)


class GeneratedKeyShown(IntegrationKeyShown):
    """A key that was just generated, with the private half of its pair, which is in this answer and nowhere else."""

    private_key = serializers.CharField(help_text=_("PEM (PKCS #8). It cannot be shown again."))

    class Meta(IntegrationKeyShown.Meta):
        fields = (*IntegrationKeyShown.Meta.fields, "private_key")  # type: ignore[assignment]


class NewKeys(Strict):
    """Public keys to be trusted."""

    keys = Text(
        max_length=LONGEST, help_text=_("PEM, a JWK or a JWKS. A private key is refused and not kept.")
    )
    kid = Text(
        max_length=LONGEST_KID,
        required=False,
        allow_blank=True,
        default="",
        help_text=_("Id of the key, where it is one; else that of the JWK, or the thumbprint (RFC 7638)."),
    )


class GeneratedKey(Strict):
    """A pair to be generated."""

    algorithm = serializers.ChoiceField(MADE, default=RS256, help_text=_("What its tokens are signed by."))

"""Systems of others whose signed tokens we take (single sign-on by JWT)."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import Company, Kind, Role


class Preset(models.TextChoices):
    """Products that we know how to connect."""

    OTHER = "other", _("another system")
    GENESYS = "genesys", "Genesys"
    ZENDESK = "zendesk", "Zendesk"
    FRESHDESK = "freshdesk", "Freshdesk"
    INTERCOM = "intercom", "Intercom"
    SALESFORCE = "salesforce", "Salesforce"


class Integration(models.Model):
    """A system that vouches for people of one company, by tokens that it signs with its own keys."""

    scope_kind = Kind.INTEGRATION
    scope_path = "company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(
        Company, models.CASCADE, verbose_name=_("company"), help_text=_("Whose people it vouches for.")
    )
    name = models.CharField(_("name"), max_length=120, help_text=_("As administrators know it."))
    preset = models.CharField(
        _("product"),
        max_length=12,
        choices=Preset.choices,
        default=Preset.OTHER,
        help_text=_("Fills in what is known of the product, and shows how to connect it."),
    )
    licence_key = models.CharField(
        _("licence key"),
        max_length=40,
        unique=True,
        editable=False,
        help_text=_("What its tokens say in `iss`. No secret."),
    )
    ceiling = models.ForeignKey(
        Role,
        models.RESTRICT,
        verbose_name=_("at most"),
        related_name="+",
        help_text=_("Nobody who can do more than this role is let in by it."),
    )
    lifetime_minutes = models.PositiveSmallIntegerField(
        _("longest life of a token"),
        default=1440,
        help_text=_("Minutes from `iat` to `exp`, at most a day. Tokens that live longer are refused."),
    )
    accepts_cobrowse = models.BooleanField(
        _("audience of Cobrowse.io"),
        default=False,
        help_text=_("Also take tokens whose `aud` is https://cobrowse.io."),
    )
    origins = models.JSONField(
        _("trusted origins"),
        default=list,
        blank=True,
        help_text=_("Sites that may show our pages in a frame and sign people in to them, one a line."),
    )
    jwks_url = models.CharField(
        _("address of its keys"),
        max_length=500,
        blank=True,
        help_text=_("Where it publishes its keys as a JWKS; read every hour. Empty: keys are pasted here."),
    )
    jwks_read_at = models.DateTimeField(_("keys last read"), null=True, editable=False)
    # When the clock last tried to, and whether somebody waits for it: a token may name a key that was not read yet.
    jwks_tried_at = models.DateTimeField(null=True, editable=False)
    jwks_wanted = models.BooleanField(default=False, db_default=False, editable=False)
    jwks_trouble = models.CharField(_("problem with its keys"), max_length=200, blank=True, editable=False)
    # Tokens that were signed before are refused: a database that was restored does not know which of them were used or ended.
    tokens_from = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("When off, its tokens are refused and their sessions end.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("integration")
        verbose_name_plural = _("integrations")
        ordering = ("name", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "name"], name="integration_once_a_company")
        ]

    def __str__(self) -> str:
        return self.name


class KeySource(models.TextChoices):
    """How a key came here."""

    GENERATED = "generated", _("generated here")
    PASTED = "pasted", _("pasted")
    READ = "read", _("read from its address")


class IntegrationKey(models.Model):
    """A public key of an integration; the algorithm is the key's, never a token's choice."""

    scope_kind = Kind.INTEGRATION
    scope_path = "integration__company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="keys")
    kid = models.CharField(_("key id"), max_length=100)
    algorithm = models.CharField(_("algorithm"), max_length=6)  # RS256, ES256 or EdDSA
    public = models.JSONField(_("public key"))  # RFC 7517
    source = models.CharField(_("source"), max_length=10, choices=KeySource.choices)
    created_at = models.DateTimeField(_("added"))
    used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        verbose_name = _("key of an integration")
        verbose_name_plural = _("keys of integrations")
        ordering = ("pk",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["integration", "kid"], name="key_once_an_integration")
        ]

    def __str__(self) -> str:
        return self.kid


class SpentToken(models.Model):
    """The `jti` of a token that signed somebody in to a page: it works once."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["integration", "fingerprint"], name="token_spent_once")
        ]

    def __str__(self) -> str:
        return f"{self.integration} {self.fingerprint[:8]}"

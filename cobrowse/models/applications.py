"""Applications with sections of options, as the source system has them (mission C2)."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.sealed import NOTHING, Cipher, SealedField
from tenants.models import Company, Kind

NAME_LENGTH = 120


class ApplicationType(models.TextChoices):
    """What an application stands for."""

    CLUSTER = "cluster", "Co-browse Cluster"
    WORKSPACE = "workspace", "Workspace Desktop Edition"


class Validity(models.TextChoices):
    """What came of comparing the tokens of a company's two applications."""

    OFF = "off", _("Agent authentication is off.")
    VALID = "valid", _("The tokens are the same.")
    MISMATCH = "mismatch", _("The tokens differ.")
    WORKSPACE_MISSING = "workspace-missing", _("The Workspace application has no token.")
    CLUSTER_MISSING = "cluster-missing", _("The Co-browse Cluster application has no token.")
    UNREADABLE = "unreadable", _("A token cannot be opened with the keys of this installation.")


class Application(models.Model):
    """An application of a company; there is one of each type, and the Co-browse Cluster decides the company's sessions."""

    scope_kind = Kind.APPLICATION
    scope_path = "company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(
        Company, models.CASCADE, verbose_name=_("company"), help_text=_("Whose sessions it is about.")
    )
    type = models.CharField(
        _("type"),
        max_length=10,
        choices=ApplicationType.choices,
        help_text=_(
            "A Co-browse Cluster decides the company's sessions; Workspace Desktop Edition is the agents' side."
        ),
    )
    name = models.CharField(_("name"), max_length=NAME_LENGTH, help_text=_("As administrators know it."))
    # What the snippet on the company's pages says beside the origin; it stands in public pages and is no secret.
    site_key = models.CharField(
        _("site key"),
        max_length=26,
        unique=True,
        editable=False,
        help_text=_("Names the company in the snippet on its pages. No secret."),
    )
    validity = models.CharField(
        _("tokens"),
        max_length=20,
        choices=Validity.choices,
        default=Validity.OFF,
        editable=False,
        help_text=_("Whether both applications of the company hold the same token."),
    )
    checked_at = models.DateTimeField(
        _("compared"), null=True, editable=False, help_text=_("When the tokens were last compared.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ("name", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "type"], name="application_of_each_type_once")
        ]

    def __str__(self) -> str:
        return self.name

    def held(self) -> "dict[str, Option]":
        """Its options by their paths, as far as they were ever set."""
        return {one.path: one for one in self.options.all()}


class Option(models.Model):
    """The value of one option, in words or sealed, and who set it last; of one that was taken away, who took it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.ForeignKey(Application, models.CASCADE, related_name="options")
    section = models.CharField(max_length=40)
    name = models.CharField(max_length=40)
    value = models.TextField(blank=True, default="")
    # AES-128, as the source system states of its tokens (design/sources, 1.2).
    secret = SealedField(default=NOTHING, cipher=Cipher.FERNET)
    changed_at = models.DateTimeField()
    changed_by_name = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ("section", "name")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "section", "name"], name="option_once")
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        """Its name with its section, as the catalogue has it."""
        return f"{self.section}/{self.name}"

    @property
    def is_set(self) -> bool:
        """Whether there is a value."""
        return bool(self.value or self.secret.text)


class AllowedOrigin(models.Model):
    """A site of a company, as `cross-origin/allowedOrigins` of its cluster lists it; a site is of one company."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="allowed_origins")
    origin = models.CharField(max_length=255, unique=True)

    def __str__(self) -> str:
        return self.origin

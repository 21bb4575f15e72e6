"""Keys by which programs call the API."""

import uuid
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from accounts.models.sessions import Session
from core.contacts import NAME_LENGTH
from tenants.models import Kind


class ApiKey(models.Model):
    """A key that acts as one person within its scopes. Its session holds the fingerprint, the end and the last use."""

    scope_kind = Kind.API_KEY
    scope_path = "session__user__company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.OneToOneField(Session, models.CASCADE, related_name="api_key")
    name = models.CharField(_("name"), max_length=120, help_text=_("What uses it."))
    hint = models.CharField(_("begins with"), max_length=20)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    made_by_name = models.CharField(_("made by"), max_length=NAME_LENGTH, blank=True)

    secret = ""  # of one that was just made, to be shown this once; kept nowhere

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.name

    @property
    def scopes(self) -> tuple[str, ...]:
        """What it may do, as far as its person may."""
        return tuple((self.session.grant or {}).get("scopes", ()))

    @property
    def last_used_at(self) -> datetime | None:
        """When it was last used, to a minute; None: not yet."""
        return self.session.seen_at if self.session.seen_at > self.session.created_at else None

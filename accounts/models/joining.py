"""Links by which people join a company."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from accounts.models.signing import SigningKey
from core.contacts import NAME_LENGTH
from tenants.models import Company, Kind, Role


class JoinLink(models.Model):
    """One invitation. Its token is signed anew whenever it is shown or mailed, and kept nowhere; the id is its `jti`."""

    scope_kind = Kind.USER
    scope_path = "company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, verbose_name=_("company"))
    role = models.ForeignKey(
        Role,
        models.CASCADE,
        verbose_name=_("role"),
        related_name="+",
        help_text=_("What whoever joins may do; not above your own rank."),
    )
    email = models.CharField(
        _("e-mail"),
        max_length=NAME_LENGTH,
        blank=True,
        help_text=_("Only this address can join. Empty: whoever has the link."),
    )
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("made by"))
    made_by_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    signed_by = models.ForeignKey(SigningKey, models.SET_NULL, null=True, related_name="join_links")
    created_at = models.DateTimeField(_("made"))
    expires_at = models.DateTimeField(_("good until"), db_index=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True)
    delivery_uid = models.UUIDField(null=True)  # of the newest mail
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    used_at = models.DateTimeField(_("accepted"), null=True)
    used_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="joined_by", verbose_name=_("accepted by")
    )
    used_by_name = models.CharField(max_length=NAME_LENGTH, blank=True)

    class Meta:
        verbose_name = _("join link")
        verbose_name_plural = _("join links")
        ordering = ("-pk",)
        indexes: ClassVar = [models.Index(fields=["company", "-id"])]

    def __str__(self) -> str:
        return f"{self.company}: {self.role.name}"

    def state(self, *, now: datetime) -> str:
        """Where it stands: accepted, revoked, expired or open."""
        if self.used_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if now >= self.expires_at else "open"

    @staticmethod
    def in_state(state: str, *, now: datetime) -> models.Q:
        """The links of which `state` says so."""
        not_used = models.Q(used_at=None)
        return {
            "accepted": models.Q(used_at__isnull=False),
            "revoked": not_used & models.Q(revoked_at__isnull=False),
            "expired": not_used & models.Q(revoked_at=None, expires_at__lte=now),
            "open": not_used & models.Q(revoked_at=None, expires_at__gt=now),
        }[state]

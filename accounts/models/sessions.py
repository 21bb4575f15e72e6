"""Sessions, the browsers that people use, and refresh tokens."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.integrations import Integration, IntegrationKey
from accounts.models.people import User
from accounts.models.signing import SigningKey
from tenants.models import Kind


class Browser(models.Model):
    """A browser in which a person has signed in: strangers cannot lock it out, and it may stand for the second factor a while."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="browsers")
    fingerprint = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    user_agent = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=45, blank=True)
    remembered_until = models.DateTimeField(null=True)
    remembered_version = models.PositiveIntegerField(null=True)  # of the person's security_version

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "fingerprint"], name="browser_once_a_user")
        ]

    def __str__(self) -> str:
        return self.user_agent

    def is_remembered(self, *, user: User, now: datetime) -> bool:
        """Whether it stands for the second factor: in time, and nothing about the person's security has changed since."""
        return (
            self.remembered_until is not None
            and now < self.remembered_until
            and self.remembered_version == user.security_version
        )


class SessionKind(models.TextChoices):
    """What holds a session."""

    PAGE = "page", _("browser")
    API = "api", _("program")
    KEY = "key", _("API key")
    JWT = "jwt", _("token of an integration")
    IMPERSONATION = "impersonation", _("administrator as this person")
    OPENID = (
        "openid",
        _("connected application"),
    )  # a client of OpenID Connect, of which `grant` says which and how much


class Session(models.Model):
    """One sign-in that holds: in a browser by cookie, or in a program by tokens."""

    scope_kind = Kind.SESSION
    scope_path = "user__company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions", verbose_name=_("person"))
    kind = models.CharField(_("held by"), max_length=20, choices=SessionKind.choices)
    fingerprint = models.CharField(max_length=64, unique=True)
    browser = models.ForeignKey(Browser, models.SET_NULL, null=True)
    methods = models.JSONField(_("proved by"), default=list)  # RFC 8176 values, such as pwd and otp
    created_at = models.DateTimeField(_("since"))
    seen_at = models.DateTimeField(_("last used"))
    confirmed_at = models.DateTimeField(_("last confirmed"))
    expires_at = models.DateTimeField(_("ends at the latest"))
    locked_at = models.DateTimeField(_("locked"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    ended_reason = models.CharField(_("why it ended"), max_length=40, blank=True)
    address = models.CharField(_("network address"), max_length=45, blank=True)
    user_agent = models.CharField(_("program"), max_length=200, blank=True)
    # Of one that an integration vouched for: by which of its keys. Without it, this is a person's own sign-in or API key.
    integration = models.ForeignKey(Integration, models.CASCADE, null=True, verbose_name=_("integration"))
    integration_key = models.ForeignKey(IntegrationKey, models.SET_NULL, null=True, related_name="sessions")
    # Of one in which an administrator acts as the person: the sign-in of the administrator, without which it is nothing.
    through = models.ForeignKey(
        "self", models.CASCADE, null=True, related_name="impersonations", verbose_name=_("administrator")
    )
    grant = models.JSONField(
        null=True
    )  # what it is bounded to (`accounts.grants`); None: all that the person may

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=["user", "ended_at"]), models.Index(fields=["expires_at"])]

    def __str__(self) -> str:
        return f"{self.user}, {self.created_at:%Y-%m-%d %H:%M} UTC"

    @property
    def impersonator(self) -> User | None:
        """The administrator who acts as the person in it, if one does."""
        return None if self.through is None else self.through.user

    def is_live(self, *, now: datetime) -> bool:
        """Whether it still holds."""
        return self.ended_at is None and now < self.expires_at

    @staticmethod
    def live(*, now: datetime, path: str = "") -> models.Q:
        """The rows whose session, at the end of this path, still holds."""
        return models.Q(**{f"{path}ended_at": None, f"{path}expires_at__gt": now})


class RefreshToken(models.Model):
    """One link of a session's chain of refresh tokens; a second use of one ends the session (RFC 9700, 4.14.2)."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="refresh_tokens")
    fingerprint = models.CharField(max_length=64, unique=True)
    issued_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    # What signed the access token beside it.
    signed_by = models.ForeignKey(
        SigningKey, models.SET_NULL, null=True, related_name="refresh_tokens", db_index=False
    )

    class Meta:
        # The newest of a key without walking all of them.
        indexes: ClassVar = [models.Index(fields=["signed_by", "-id"], name="refresh_token_signed_by")]

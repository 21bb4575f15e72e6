"""Clients of OpenID Connect, what people let them know, and their sessions."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Session, User
from oidc.protocol import LONGEST_NONCE, LONGEST_URI
from tenants.models import Company, Kind


def _client_id() -> str:
    return uuid.uuid4().hex


class Algorithm(models.TextChoices):
    """What ID tokens are signed by."""

    RS256 = "RS256", _("RS256: known to every product")
    ES256 = "ES256", _("ES256: short and fast")


class Client(models.Model):
    """A system that lets people sign in here."""

    scope_kind = Kind.INTEGRATION
    scope_path = "company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(
        Company,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("company"),
        help_text=_("Whose people sign in to it. Empty: those of every company."),
    )
    name = models.CharField(
        _("name"), max_length=120, help_text=_("As people read it when they sign in to it.")
    )
    client_id = models.CharField(
        _("client id"), max_length=40, unique=True, default=_client_id, editable=False
    )
    is_public = models.BooleanField(
        _("public client"),
        default=False,
        help_text=_(
            "A program on people's devices or in their browsers, which can keep no secret. It stays so."
        ),
    )
    secret = models.CharField(max_length=64, blank=True, editable=False)  # fingerprint
    secret_made_at = models.DateTimeField(_("secret made"), null=True, editable=False)
    redirect_uris = models.JSONField(
        _("redirect addresses"),
        default=list,
        help_text=_(
            "Where people go back to, one a line, such as https://app.example.com/callback; compared letter by letter. https, or on the "
            "machine itself."
        ),
    )
    logout_uris = models.JSONField(
        _("addresses after signing out"),
        default=list,
        blank=True,
        help_text=_("Where people may go on to after the client has signed them out, one a line."),
    )
    backchannel_uri = models.CharField(
        _("back-channel logout address"),
        max_length=LONGEST_URI,
        blank=True,
        help_text=_(
            "Called when a session ends, so that it ends there as well; in private networks only as OUTBOUND_ALLOW says."
        ),
    )
    scopes = models.JSONField(
        _("scopes"), default=list, help_text=_("What it may ask for, beside who it is.")
    )
    algorithm = models.CharField(
        _("ID tokens signed by"),
        max_length=5,
        choices=Algorithm.choices,
        default=Algorithm.RS256,
        help_text=_("RS256 is what every product knows; take ES256 where the other side does."),
    )
    asks_consent = models.BooleanField(
        _("ask people first"),
        default=True,
        help_text=_(
            "Each person says yes once to what it may know. Switch it off for systems of your own only."
        ),
    )
    needs_factor = models.BooleanField(
        _("second factor needed"),
        default=False,
        help_text=_("Nobody signs in to it without a second factor, whatever the policy says."),
    )
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("When off, nobody signs in to it and its sessions end at once."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("connected application")
        verbose_name_plural = _("connected applications")
        ordering = ("name", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "name"], name="client_once_a_company"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(company=None), name="client_once_everywhere"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Consent(models.Model):
    """What a person has let a client know."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    client = models.ForeignKey(Client, models.CASCADE, related_name="consents")
    scopes = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "client"], name="consent_once")]

    def __str__(self) -> str:
        return f"{self.user} {self.client}"


class ClientSession(models.Model):
    """A sign-in to a client: first its authorization code, then the session behind its tokens, at last the word that it has ended."""

    session = models.OneToOneField(Session, models.CASCADE, related_name="client_session")
    client = models.ForeignKey(Client, models.CASCADE, related_name="sessions")
    # The sign-in in the browser that it came from; with it, it ends.
    source = models.ForeignKey(Session, models.SET_NULL, null=True, related_name="client_sessions")
    code = models.CharField(max_length=64, unique=True)  # fingerprint
    code_expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    redirect_uri = models.CharField(max_length=LONGEST_URI)
    challenge = models.CharField(max_length=43)  # PKCE, S256
    nonce = models.CharField(max_length=LONGEST_NONCE, blank=True)
    scope = models.JSONField(default=list)
    auth_time = models.DateTimeField()
    # The back-channel: whether the client has yet to be told, and how that went.
    logout_due_at = models.DateTimeField(null=True)
    logout_tries = models.PositiveSmallIntegerField(default=0)
    logout_trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(
                fields=["logout_due_at"],
                condition=models.Q(logout_due_at__isnull=False),
                name="client_session_logout_due",
            ),
            models.Index(
                fields=["code_expires_at"],
                condition=models.Q(used_at__isnull=True),
                name="client_session_unused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client} {self.session_id}"

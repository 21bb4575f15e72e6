"""The outbox: one row for every mail and text that was asked for, and what became of it."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """How a message travels."""

    EMAIL = "email", _("E-mail")
    SMS = "sms", _("Text message")


class State(models.TextChoices):
    """What became of a message; a leased one is in the hands of a worker until `next_try_at`."""

    QUEUED = "queued", _("Waiting")
    LEASED = "leased", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    EXPIRED = "expired", _("Too late")
    CANCELLED = "cancelled", _("Cancelled")


UNDER_WAY = (State.QUEUED, State.LEASED)


class Delivery(models.Model):
    """A message that is to be sent; codes and links in it are derived when it is sent and stand in no column."""

    # For the scoping of admin and API by the apps above: which column names the company.
    scope_kind = "delivery"
    scope_path = "company_id"

    uid = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, help_text=_("How the message travels."))
    to = models.CharField(_("to"), max_length=254, help_text=_("The mail address or telephone number."))
    template = models.SlugField(_("template"), max_length=40, help_text=_("Which text is sent."))
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    context = models.JSONField(
        _("values"),
        default=dict,
        encoder=DjangoJSONEncoder,
        help_text=_("What the text is filled with. Never a secret."),
    )
    secret = models.JSONField(
        _("derived value"),
        null=True,
        blank=True,
        help_text=_("Which code or link the text carries; it is computed when sent and kept nowhere."),
    )
    language = models.CharField(_("language"), max_length=16)
    from_address = models.CharField(
        _("from"), max_length=254, blank=True, help_text=_("Empty: the sender of the installation.")
    )
    # No foreign keys: companies and people live in apps above this one, and the record outlives them.
    company_uid = models.UUIDField(_("company"), null=True, editable=False)
    company_id = models.BigIntegerField(null=True, editable=False)
    user_uid = models.UUIDField(_("person"), null=True, editable=False, db_index=True)
    state = models.CharField(
        _("state"), max_length=9, choices=State, default=State.QUEUED, help_text=_("What became of it.")
    )
    attempts = models.PositiveIntegerField(
        _("tries"), default=0, help_text=_("How often it was taken up for sending.")
    )
    next_try_at = models.DateTimeField(
        _("next try"),
        help_text=_("When it is taken up next; while it is being sent, when the worker is given up on."),
    )
    expires_at = models.DateTimeField(_("expires"), help_text=_("It is not sent after this."))
    created_at = models.DateTimeField(_("asked for"))
    sent_at = models.DateTimeField(_("sent"), null=True)
    # Of a text message: its name at the provider, and when that said that it is on the phone.
    provider_id = models.CharField(
        _("id at the provider"), max_length=64, blank=True, default="", db_default="", editable=False
    )
    delivered_at = models.DateTimeField(_("arrived"), null=True, editable=False)
    error = models.CharField(_("reason"), max_length=300, blank=True, help_text=_("Why the last try failed."))

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-id",)
        indexes = (
            # What the drain asks every few seconds: small however many rows are finished.
            models.Index(
                fields=["next_try_at"], condition=models.Q(state__in=UNDER_WAY), name="delivery_due"
            ),
            models.Index(fields=["company_id", "-id"], name="delivery_by_company"),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.template} → {self.to}"

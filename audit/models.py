"""The trail. No foreign keys, so that the record outlives what it speaks of; triggers refuse UPDATE and DELETE."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """One thing that happened, with an HMAC over itself and the one before."""

    scope_kind = "audit"
    scope_path = "company_id"

    at = models.DateTimeField(_("time"), help_text=_("When it happened, to the microsecond."))
    event = models.CharField(_("event"), max_length=60, help_text=_("What happened."))
    actor_uid = models.CharField(
        _("actor"), max_length=36, blank=True, help_text=_("Id of the person who did it.")
    )
    actor_name = models.CharField(
        _("actor's name"), max_length=254, blank=True, help_text=_("The person's name at that time.")
    )
    company_id = models.BigIntegerField(
        _("company"), null=True, help_text=_("Number of the company that it concerns.")
    )
    subject_kind = models.CharField(
        _("about"), max_length=40, blank=True, help_text=_("Kind of object it happened to.")
    )
    subject_uid = models.CharField(
        _("subject id"), max_length=64, blank=True, help_text=_("Id of that object.")
    )
    subject_name = models.CharField(
        _("subject"), max_length=254, blank=True, help_text=_("Its name at that time.")
    )
    address = models.CharField(
        _("network address"), max_length=45, blank=True, help_text=_("Where the request came from.")
    )
    request_id = models.CharField(
        _("request id"), max_length=64, blank=True, help_text=_("Names the request in the logs.")
    )
    details = models.JSONField(_("details"), default=dict, help_text=_("Named values; never a secret."))
    mac = models.CharField(_("seal"), max_length=64, help_text=_("HMAC over this row and the one before."))

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=["company_id", "-id"]),
            models.Index(fields=["event", "-id"]),
            models.Index(fields=["actor_uid", "-id"]),
            models.Index(fields=["subject_uid", "-id"]),
            # The search of the administration asks for the beginning of a name.
            models.Index(
                fields=["actor_name"], opclasses=["varchar_pattern_ops"], name="audit_by_actor_name"
            ),
            models.Index(
                fields=["subject_name"], opclasses=["varchar_pattern_ops"], name="audit_by_subject_name"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} #{self.pk}"


class Anchor(models.Model):
    """A signed mark: rows up to `event_id` may have been pruned, and the chain goes on from `mac`."""

    event_id = models.BigIntegerField()
    mac = models.CharField(max_length=64)
    # Of all rows so far, for a later mark to go on from; older anchors have none, and a mark then begins behind them.
    digest = models.CharField(max_length=64, null=True)  # noqa: DJ001
    at = models.DateTimeField()
    signature = models.CharField(max_length=64)


class Rotation(models.Model):
    """A signed mark: what stands up to `event_id` has this digest, so it no longer needs the root key that it was sealed under."""

    event_id = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    signature = models.CharField(max_length=64)

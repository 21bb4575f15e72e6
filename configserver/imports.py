"""Imports of people from a directory, with their steps."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from configserver.directory import Directory
from core.contacts import NAME_LENGTH


class ImportState(models.TextChoices):
    """Where an import stands."""

    READING = "reading", _("reads the directory")
    PLANNED = "planned", _("compared, nothing changed")
    STOPPED = "stopped", _("stopped: it would change too much")
    APPLYING = "applying", _("changes people")
    DONE = "done", _("done")
    OUTDATED = "outdated", _("only compared, and outdated since")
    FAILED = "failed", _("failed")


class Import(models.Model):
    """An import from a directory: first everything is read and compared, then it is applied, step by step."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    directory = models.ForeignKey(Directory, models.CASCADE, related_name="imports")
    state = models.CharField(max_length=8, choices=ImportState.choices, default=ImportState.READING)
    since = models.CharField(max_length=40, blank=True)  # with it, only what changed from then on was read
    newest = models.CharField(max_length=40, blank=True)  # the last change that was read
    read = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.directory} {self.began_at:%Y-%m-%d %H:%M} UTC"


class ImportStep(models.Model):
    """What an import does, or leaves alone, about one person."""

    of = models.ForeignKey(Import, models.CASCADE, related_name="steps")
    action = models.CharField(max_length=8)
    ref = models.CharField(max_length=255)
    name = models.CharField(max_length=NAME_LENGTH)
    values = models.JSONField(default=dict)
    why = models.CharField(max_length=20, blank=True)
    applied = models.BooleanField(default=False)

    class Meta:
        ordering = ("id",)
        indexes: ClassVar = [models.Index(fields=["of", "action", "applied"], name="import_steps")]

    def __str__(self) -> str:
        return f"{self.action} {self.name}"

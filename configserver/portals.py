"""Portals that may ask this Configuration Server from other machines."""

import uuid

from django.db import models


class Portal(models.Model):
    """A portal, under the user name and the password that its settings hold."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.CharField(max_length=120, unique=True)  # as its administrators know it
    username = models.CharField(max_length=40, unique=True)
    password = models.CharField(max_length=64)  # keyed fingerprint: it was drawn, so nobody guesses it
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("application",)

    def __str__(self) -> str:
        return self.application

    @property
    def caller_id(self) -> str:
        """By which its calls are counted."""
        return f"portal:{self.uid}"

    is_authenticated = True

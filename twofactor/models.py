"""Second factors that people turned on, and the codes under way. A code itself is kept nowhere: it is derived from its challenge."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class FactorKind(models.TextChoices):
    """The methods."""

    EMAIL = "email", _("Code by e-mail")


class Factor(models.Model):
    """A second factor that a person turned on."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=12, choices=FactorKind.choices)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "kind"], name="factor_once_a_kind")]

    def __str__(self) -> str:
        return self.get_kind_display()


class Purpose(models.TextChoices):
    """What a code is good for; one for another purpose is a wrong one."""

    SIGN_IN = "sign-in"
    CONTACT = "contact"


class Challenge(models.Model):
    """One code that was sent: for one purpose, one sign-in, one address; good once, and only while it is the newest."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="challenges")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    # The attempt or session that asked; a code is worth nothing in another one.
    asked_by = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=12, choices=FactorKind.choices)
    address = models.CharField(max_length=254)
    digits = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    checks = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    delivery_uid = models.UUIDField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=["user", "created_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"

"""Second factors that people turned on, and the codes under way. A code that is sent is kept nowhere: it is derived from its challenge."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.sealed import NOTHING, SealedField


class FactorKind(models.TextChoices):
    """The methods."""

    EMAIL = "email", _("Code by e-mail")
    SMS = "sms", _("Code by text message")
    TOTP = "totp", _("Authenticator app")
    PASSKEY = "passkey", _("Passkey")
    WEBSERVICE = "webservice", _("Verification service of your organisation")
    RADIUS = "radius", _("Token of your organisation")
    RECOVERY = "recovery", _("Recovery code")


MANY = (FactorKind.TOTP, FactorKind.PASSKEY)  # of these a person may have several


class Factor(models.Model):
    """A second factor that a person turned on, or is about to: without `confirmed_at` it counts for nothing yet."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=12, choices=FactorKind.choices)
    name = models.CharField(
        _("name"), max_length=60, blank=True, default="", db_default=""
    )  # as the person calls it
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    # Of an authenticator app (RFC 6238): its seed, how codes are made from it, and the last time step whose code was taken.
    secret = SealedField(default=NOTHING, db_default="")
    algorithm = models.CharField(max_length=6, blank=True, default="", db_default="")
    digits = models.PositiveSmallIntegerField(default=0, db_default=0)
    last_step = models.BigIntegerField(default=0, db_default=0)
    drift = models.SmallIntegerField(
        default=0, db_default=0
    )  # steps that its clock is ahead of ours, as last seen
    # Of a passkey: its public half, as the authenticator gave it (base64url), and what is known of it.
    credential_id = models.CharField(max_length=1_400, null=True, unique=True)  # noqa: DJ001  (NULL: no passkey; unique otherwise)
    public_key = models.TextField(blank=True, default="", db_default="")
    sign_count = models.BigIntegerField(default=0, db_default=0)
    transports = models.CharField(max_length=100, blank=True, default="", db_default="")
    is_backed_up = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=~models.Q(kind__in=["totp", "passkey"]),
                name="factor_once_a_kind",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.get_kind_display()


class RecoveryCode(models.Model):
    """One of the codes on the person's paper, hashed as a password is; good once."""

    factor = models.ForeignKey(Factor, models.CASCADE, related_name="codes")
    # A few bits under a key of the installation, by which the row is found, so that a check costs one hash and not ten.
    selector = models.CharField(max_length=4)
    hash = models.CharField(max_length=128)
    expires_at = models.DateTimeField(null=True)  # of a temporary one, which an administrator made
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.factor_id}:{self.pk}"


class FirstWord(models.Model):
    """What one administrator wants done to the factors of another; it waits for a second one to say the same."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    verb = models.CharField(max_length=20)
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    version = models.PositiveIntegerField(default=0, db_default=0)  # his security_version when he said it
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "verb"], name="first_word_once")]

    def __str__(self) -> str:
        return f"{self.verb} {self.user_id}"


class Recovery(models.Model):
    """Somebody who has lost the second factor waits until a code to a verified address stands for it.

    The person's row says from when on (`recovery_due_at`), so that no sign-in has to look here.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(User, models.CASCADE, related_name="recovery")
    version = models.PositiveIntegerField()  # the person's security_version; another one voids it
    address = models.CharField(max_length=45, blank=True)  # network address of whoever asked
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return str(self.user)


class Purpose(models.TextChoices):
    """What a code is good for; one for another purpose is a wrong one."""

    SIGN_IN = "sign-in"
    CONTACT = "contact"  # to verify an address, a number or an app before it counts


class Challenge(models.Model):
    """One time that a person was asked to prove it: for one purpose, one sign-in, one way; good once, and only while it is the newest.

    For a method that sends, it is the code that was sent; for any other, the question that was put.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="challenges"
    )  # None: a passkey will tell
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    # The attempt or session that asked; a code is worth nothing in another one.
    asked_by = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=12, choices=FactorKind.choices)
    address = models.CharField(
        max_length=254, blank=True
    )  # where the code goes; of a service, its own name of the way
    # The one that is being turned on. Rows outlive it, for they are what sends are counted by.
    factor = models.ForeignKey(Factor, models.SET_NULL, null=True)
    prompt = models.CharField(
        max_length=500, blank=True, default="", db_default=""
    )  # what the other side asks
    state = SealedField(default=NOTHING, db_default="")  # what has to go back to it with the answer
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

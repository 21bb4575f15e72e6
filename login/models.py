"""A sign-in under way: what has been established so far, as columns; and what an administrator is asked about it."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import IntegrationKey, JoinLink, Session, User
from accounts.names import Realm
from core.sealed import NOTHING, SealedField
from login.flow import Help, Purpose
from tenants.models import Company, Kind


class Attempt(models.Model):
    """One sign-in, confirmation or recovery that has not ended yet; nobody but the holder of its handle can go on with it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    fingerprint = models.CharField(max_length=64, unique=True)  # of the handle
    purpose = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Purpose])
    by_page = models.BooleanField()
    realm = models.CharField(max_length=8, choices=[(one.value, one.value) for one in Realm])
    name = SealedField(purpose="attempt.name")  # what was typed: people type passwords into the wrong box
    name_key = models.CharField(max_length=64)  # fingerprint of realm and name; what limits count by
    user = models.ForeignKey(
        User, models.CASCADE, null=True
    )  # None: nobody has this name; the road is the same
    version = models.PositiveIntegerField(
        default=0
    )  # the person's security_version when it began; another one ends it
    session = models.ForeignKey(Session, models.CASCADE, null=True)  # the one to confirm
    next = models.CharField(max_length=2_000, blank=True)
    address = models.CharField(max_length=45, blank=True)

    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    question = SealedField(
        default=NOTHING, db_default=""
    )  # what the directory asks, and what has to go back with the answer
    password_at = models.DateTimeField(null=True)
    link_at = models.DateTimeField(null=True)
    link_checks = models.PositiveSmallIntegerField(default=0)
    link_due = models.BooleanField(default=False)  # the worker has yet to decide whether anybody is mailed
    language = models.CharField(max_length=16, blank=True)  # of whoever asked
    by_link = models.BooleanField(default=False, db_default=False)  # a mailed link is the first proof
    # Where whoever has the mailbox may join (`accounts.joining`): by a link of an administrator, or by signing up.
    join_link = models.ForeignKey(JoinLink, models.CASCADE, null=True, related_name="+")
    signs_up = models.BooleanField(default=False, db_default=False)
    sign_up = models.ForeignKey(Company, models.CASCADE, null=True, related_name="+")  # where
    display_name = models.CharField(max_length=120, blank=True, default="", db_default="")
    # Where an integration vouches for the person: by which key, until when, and bounded to what.
    integration_key = models.ForeignKey(IntegrationKey, models.CASCADE, null=True, related_name="+")
    grant = models.JSONField(null=True)
    until = models.DateTimeField(null=True)
    method = models.CharField(max_length=80, blank=True)  # the way that was chosen
    by_passkey = models.BooleanField(default=False, db_default=False)  # begun without a name
    passkey_at = models.DateTimeField(
        null=True
    )  # when a passkey proved who it is, and a second factor with it
    provided = models.JSONField(
        null=True
    )  # what the organisation has for the person, as found after the first proof
    sends_from = models.DateTimeField(null=True)  # codes before this one no longer count (after a wait)
    factor_at = models.DateTimeField(null=True)
    remember = models.BooleanField(default=False)  # the person asked for this browser to stand for the factor
    changed_at = models.DateTimeField(null=True)
    told = models.JSONField(
        default=dict, db_default={}
    )  # what the directory says of the password that proved right, by name
    help = models.CharField(
        max_length=10, blank=True, default="", db_default="", choices=[(one.value, one.value) for one in Help]
    )
    help_reason = models.CharField(max_length=20, blank=True, default="", db_default="")
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=30, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=models.Q(link_due=True), name="attempt_link_due")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.uid}"


class HelpReason(models.TextChoices):
    """Why somebody cannot give the second proof himself."""

    NO_METHOD = "no_method", _("no way to prove it")
    SENDS = "sends_used_up", _("too many codes asked for")
    CHECKS = "checks_used_up", _("too many wrong codes")


class HelpState(models.TextChoices):
    """How a request for help stands. All but the first are final."""

    WAITING = "waiting", _("waiting")
    CONFIRMED = "confirmed", _("confirmed")
    DENIED = "denied", _("denied")
    WITHDRAWN = "withdrawn", _("withdrawn")
    EXPIRED = "expired", _("expired")


class HelpRequest(models.Model):
    """Somebody who has given the first proof asks that an administrator make sure of him in the place of the second (setting `agent`)."""

    scope_kind = Kind.HELP
    scope_path = "company_id"

    uid = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    attempt = models.ForeignKey(Attempt, models.SET_NULL, null=True, related_name="help_requests")
    user = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"))
    company = models.ForeignKey(Company, models.CASCADE, null=True, verbose_name=_("company"))
    reason = models.CharField(_("reason"), max_length=20, choices=HelpReason.choices)
    state = models.CharField(_("state"), max_length=10, choices=HelpState.choices, default=HelpState.WAITING)
    wrong_numbers = models.PositiveSmallIntegerField(_("wrong numbers"), default=0)
    address = models.CharField(_("network address"), max_length=45, blank=True)
    created_at = models.DateTimeField(_("asked"))
    expires_at = models.DateTimeField(_("ends"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    needed: int  # how many have to confirm, worked out where it is shown

    class Meta:
        verbose_name, verbose_name_plural = _("help request"), _("help requests")
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=models.Q(state="waiting"), name="help_waiting")
        ]

    def __str__(self) -> str:
        return str(self.user)


class HelpAnswer(models.Model):
    """One administrator made sure of the person. For an administrator it takes two."""

    request = models.ForeignKey(HelpRequest, models.CASCADE, related_name="answers")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254)
    version = models.PositiveIntegerField(default=0, db_default=0)  # his security_version when he said it
    how = models.CharField(max_length=300)  # the person was made sure of
    at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "by"], name="help_answer_once_by_each")
        ]

    def __str__(self) -> str:
        return f"{self.by_name} {self.at}"

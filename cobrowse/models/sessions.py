"""Co-browse sessions, who is in them, what pages they saw, and tokens for one agent in one of them."""

import uuid
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Session as SignIn
from cobrowse.sessions.states import Asked, Ended, Mode, Right, Role, State
from tenants.models import Company, Kind

# The states are those of the machine; here stand their words.
STATES = {State.IDLE.value: _("waiting"), State.ACTIVE.value: _("active"), State.ENDED.value: _("ended")}
MODES = {Mode.POINTER.value: _("pointer"), Mode.WRITE.value: _("write")}
ASKED = {
    Asked.NO.value: _("not asked"),
    Asked.REQUESTED.value: _("asked"),
    Asked.REFUSED.value: _("refused"),
}
ENDINGS = {
    Ended.CUSTOMER_LEFT.value: _("the customer left"),
    Ended.AGENT_LEFT.value: _("the agent left"),
    Ended.STOPPED.value: _("stopped by the agent's application"),
    Ended.ADMINISTRATOR.value: _("ended by an administrator"),
    Ended.NOBODY_CAME.value: _("nobody joined in time"),
    Ended.SILENT.value: _("one side was silent for too long"),
    Ended.BARRED.value: _("the agent may not work with sessions any more"),
    Ended.RESTORED.value: _("the database was restored"),
}
ROLES = {
    Role.CUSTOMER.value: _("customer"),
    Role.AGENT.value: _("agent"),
    Role.CONTROLLER.value: _("controller"),
}
RIGHTS = {
    Right.VIEW.value: _("look"),
    Right.POINT.value: _("look and point"),
    Right.CONTROL.value: _("look, point, type and click"),
}


class CobrowseSession(models.Model):
    """One customer and one agent on the customer's page. Its `uid` is the id in the history; the digits hold while it lives."""

    scope_kind = Kind.COBROWSE
    scope_path = "company_id"

    uid = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, verbose_name=_("company"))
    token = models.CharField(_("session token"), max_length=9)  # nine digits
    code = models.CharField(_("code"), max_length=6)  # six digits, until somebody joins
    state = models.CharField(_("state"), max_length=8, choices=STATES, default=State.IDLE.value)
    mode = models.CharField(_("mode"), max_length=8, choices=MODES, default=Mode.POINTER.value)
    asked = models.CharField(_("write mode"), max_length=10, choices=ASKED, default=Asked.NO.value)
    origin = models.CharField(_("site"), max_length=255, blank=True)  # of the customer's page
    custom_data = models.JSONField(_("custom data"), default=dict)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="cobrowse_sessions",
        verbose_name=_("agent"),
    )
    agent_uid = models.CharField(max_length=36, blank=True)  # outlive the account
    agent_name = models.CharField(_("agent's name"), max_length=254, blank=True)
    # By which the agent was last heard: when it is ended, or holds the privilege no longer, the session ends.
    sign_in_uid = models.UUIDField(null=True)
    created_at = models.DateTimeField(_("created"))
    updated_at = models.DateTimeField(_("changed"))
    expires_at = models.DateTimeField(_("waits until"))  # for whoever is to join
    activated_at = models.DateTimeField(_("began"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    ended_reason = models.CharField(_("why it ended"), max_length=16, choices=ENDINGS, blank=True)
    # Signs of life of either side, noted now and then; null where the side never came.
    customer_seen_at = models.DateTimeField(null=True)
    agent_seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("co-browse session")
        verbose_name_plural = _("co-browse sessions")
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["token"], condition=models.Q(ended_at=None), name="cobrowse_token_once_live"
            ),
            models.UniqueConstraint(
                fields=["company", "code"],
                condition=models.Q(ended_at=None, activated_at=None),
                name="cobrowse_code_once_waiting",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["company", "-id"], name="cobrowse_of_company"),
            models.Index(fields=["agent", "-id"], name="cobrowse_of_agent"),
            # Few live among very many.
            models.Index(fields=["company"], condition=models.Q(ended_at=None), name="cobrowse_live"),
            models.Index(fields=["ended_at"], name="cobrowse_ended"),
        ]

    def __str__(self) -> str:
        return " · ".join(filter(None, [self.site, f"{self.created_at:%Y-%m-%d %H:%M:%S} UTC"]))

    @property
    def site(self) -> str:
        """The host of the customer's page; empty while there is none."""
        return urlsplit(self.origin).netloc

    @property
    def began_at(self) -> datetime:
        """From when its pages count: when both sides were there, or while they never were, when it was started."""
        return self.activated_at or self.created_at


class Participant(models.Model):
    """Somebody in a session, with a token of his own."""

    session = models.ForeignKey(CobrowseSession, models.CASCADE, related_name="participants")
    number = models.PositiveSmallIntegerField()
    role = models.PositiveSmallIntegerField(choices=ROLES)
    name = models.CharField(max_length=254, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    fingerprint = models.CharField(max_length=64, unique=True)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("number",)
        constraints: ClassVar = [
            # Of each role one at a time, so of two who join at the same moment one is first.
            models.UniqueConstraint(
                fields=["session", "role"],
                condition=models.Q(left_at=None),
                name="participant_of_each_role_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session} {self.number}"


class Page(models.Model):
    """A page that the customer came to, without what its address may carry."""

    session = models.ForeignKey(CobrowseSession, models.CASCADE, related_name="pages")
    url = models.CharField(max_length=1000)
    entered_at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.url


class AgentToken(models.Model):
    """A token for one agent in one session (mission C5); a JWT of ours that holds as long as this row, and the sign-in behind it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(CobrowseSession, models.CASCADE, related_name="agent_tokens")
    sign_in = models.ForeignKey(SignIn, models.CASCADE, related_name="+")
    right = models.CharField(max_length=8, choices=RIGHTS)
    # What the cluster asked of desktops when it was made: it stands for that token, and for none that comes after.
    under = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.session} {self.right}"

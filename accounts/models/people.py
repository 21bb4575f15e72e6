"""People and their passwords."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.mode import external_is_on
from accounts.names import Realm
from configserver import where
from core.contacts import NAME_LENGTH, key_of
from core.prepared import Select, Slot
from tenants.models import Company, Kind, Role

_FIND = Select["User"](
    lambda: User.objects.select_related("company").filter(realm=Slot("realm"), login_key=Slot("key"))
)


class UserManager(BaseUserManager["User"]):
    """Finds people by name."""

    def find(self, name: str, *, realm: Realm) -> "User | None":
        """The one person of this name in this realm."""
        return _FIND.first(realm=realm, key=key_of(name))

    def get_by_natural_key(self, username: str | None) -> "User":
        """Django's own look-up; ours by the internal name."""
        return self.get(realm=Realm.INTERNAL, login_key=key_of(username or ""))


class Arrival(models.TextChoices):
    """How an account came to be, where no administrator made it."""

    JOINED = "join", _("by a join link")
    SIGNED_UP = "sign-up", _("by signing up")
    VOUCHED = "sso", _("through an integration")


class User(AbstractBaseUser):
    """A person: internal (kept here), or the shadow of one kept in a directory."""

    scope_kind = Kind.USER
    scope_path = "company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    realm = models.CharField(
        max_length=8,
        choices=[(one.value, one.value) for one in Realm],
        default=Realm.INTERNAL,
        editable=False,
    )
    username = models.CharField(
        _("sign-in name"),
        max_length=NAME_LENGTH,
        help_text=_("The name typed at sign-in: for people kept here, the e-mail address."),
    )
    login_key = models.CharField(max_length=NAME_LENGTH, editable=False)
    display_name = models.CharField(
        _("name"), max_length=120, help_text=_("The person's name as others see it.")
    )
    email = models.CharField(
        _("e-mail"), max_length=NAME_LENGTH, blank=True, help_text=_("Sign-in name and address for mails.")
    )
    email_verified_at = models.DateTimeField(_("e-mail verified"), null=True, editable=False)
    phone = models.CharField(
        _("phone"), max_length=20, blank=True, help_text=_("In international form, such as +49 30 1234567.")
    )
    phone_verified_at = models.DateTimeField(_("phone verified"), null=True, editable=False)
    language = models.CharField(
        _("language"),
        max_length=8,
        blank=True,
        help_text=_("Of mails to this person; empty: that of the page that caused the mail."),
    )
    company = models.ForeignKey(
        Company,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("company"),
        related_name="users",
        help_text=_("Where the person belongs. Empty only for administrators of the whole installation."),
    )
    roles: "models.ManyToManyField[Role, models.Model]" = models.ManyToManyField(
        Role,
        blank=True,
        verbose_name=_("roles"),
        related_name="users",
        help_text=_("What the person may do."),
    )
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("When off, the person cannot sign in and open sessions end at once."),
    )
    must_change_password = models.BooleanField(
        _("must change password"),
        default=False,
        help_text=_("At the next sign-in a new password is asked for; then this is switched off."),
    )
    password_changed_at = models.DateTimeField(_("password changed"), null=True, editable=False)
    locked_at = models.DateTimeField(_("locked"), null=True, editable=False)
    unlocked_at = models.DateTimeField(null=True, editable=False)
    locked_reason = models.CharField(_("why locked"), max_length=200, blank=True, editable=False)
    last_login = models.DateTimeField(_("last sign-in"), null=True, editable=False)
    last_login_address = models.CharField(max_length=45, blank=True, editable=False)
    last_login_agent = models.CharField(max_length=200, blank=True, editable=False)
    # Of a lock-down that nobody has come back from by a new proof yet: until then no passkey opens the account alone.
    locked_down_at = models.DateTimeField(null=True, editable=False)
    codes_paused_until = models.DateTimeField(
        null=True, editable=False
    )  # after too many codes or checks (behaviour `wait`)
    # Kept by the second factor: the methods that are turned on, the one that the person prefers, and the one used last.
    factor_kinds = models.CharField(
        max_length=80, blank=True, default="", db_default="", editable=False
    )  # as ",email,totp,"
    preferred_factor = models.CharField(max_length=12, blank=True, default="", db_default="", editable=False)
    last_factor = models.CharField(max_length=12, blank=True, default="", db_default="", editable=False)
    # Kept by it, too: from when on a code to a verified address stands for what the person has lost; None: nobody asked for it.
    recovery_due_at = models.DateTimeField(null=True, editable=False)
    # When the right to open the administration was last given or taken: for a day nobody with a fresh one counts as the second of two.
    admin_changed_at = models.DateTimeField(null=True, editable=False)
    # Of an external person: who it is in the Configuration Server, and what was loaded from there at the last sign-in.
    source_id = models.UUIDField(null=True, unique=True, editable=False)
    source_version = models.PositiveIntegerField(null=True, editable=False)
    engine = models.CharField(
        max_length=8, blank=True, default="", db_default="", editable=False
    )  # that proves the password
    tenant_dbid = models.PositiveIntegerField(null=True, editable=False)
    loaded = models.JSONField(
        default=dict, db_default={}, editable=False
    )  # roles and permissions (`accounts.loaded`)
    came_by = models.CharField(
        _("came"),
        max_length=8,
        choices=Arrival.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    came_through = models.CharField(  # whose link it was, or which integration
        max_length=NAME_LENGTH, blank=True, default="", db_default="", editable=False
    )
    # Counts every change that voids what was granted before it: password, lock, factors, address, active.
    security_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    USERNAME_FIELD = "uid"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ("login_key",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["realm", "login_key"], name="user_name_once_a_realm")
        ]
        indexes: ClassVar = [
            models.Index(fields=["company", "login_key"]),
            models.Index(fields=["login_key"]),
            # What a search box asks for, the beginning of a name: PostgreSQL wants an index of its own for that.
            models.Index(fields=["display_name"], opclasses=["varchar_pattern_ops"], name="user_by_name"),
            models.Index(fields=["login_key"], opclasses=["varchar_pattern_ops"], name="user_by_login_key"),
            # Few people are locked or disabled, among very many: what lists and counts them walks these alone.
            models.Index(
                fields=["login_key"], condition=models.Q(locked_at__isnull=False), name="user_locked"
            ),
            models.Index(fields=["login_key"], condition=models.Q(is_active=False), name="user_disabled"),
        ]

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the form in which the name is compared beside the name."""
        self.login_key = key_of(self.username)
        if "username" in (kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = {*kwargs["update_fields"], "login_key"}
        super().save(*args, **kwargs)

    @property
    def is_external(self) -> bool:
        """Whether the person is kept in a directory."""
        return self.realm == Realm.EXTERNAL

    @property
    def may_sign_in(self) -> bool:
        """Whether nothing but a proof is missing: active, not locked, in an active company, and as the directory still knows him."""
        return (
            self.is_active
            and self.locked_at is None
            and (self.company is None or self.company.is_active)
            and (self.source_id is None or self._still_stands)
        )

    def ask_ahead(self) -> None:
        """Before a unit in which `may_sign_in` is asked: a remote Configuration Server is asked now, for no unit may wait for it."""
        if self.source_id is not None:
            where.server().version_of(self.source_id)

    @property
    def has_only_mailbox(self) -> bool:
        """Whether the mailbox is all that this person ever proved himself by: there never was a password, and no integration vouches."""
        never = not self.has_usable_password() and self.password_changed_at is None
        return never and self.came_by != Arrival.VOUCHED

    @property
    def _still_stands(self) -> bool:
        # What this process knows may be a moment old, and the version on the account newer: versions only grow.
        version = where.server().version_of(self.source_id) if self.source_id is not None else None
        return external_is_on() and version is not None and version <= (self.source_version or 0)


class UsedPassword(models.Model):
    """The hash of a password that a person had, so that it is not taken again too soon."""

    user = models.ForeignKey(User, models.CASCADE, related_name="used_passwords")
    password = models.CharField(max_length=128)
    at = models.DateTimeField()
    is_void = models.BooleanField(
        default=False, db_default=False
    )  # taken away by a lock-down: never taken again, whatever the rules say

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.user} {self.at:%Y-%m-%d}"

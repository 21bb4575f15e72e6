"""Companies, and what a person may do (roles of privileges) and see (permissions)."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.options import Value, told
from core.sealed import NOTHING, SealedField

RANK_MAXIMUM = 100


class Kind(models.TextChoices):
    """Kinds of object that a permission opens."""

    ALL = "*", _("everything")
    USER = "user", _("people")
    ROLE = "role", _("roles")
    COMPANY = "company", _("companies")
    SESSION = "session", _("sessions")
    SETTING = "setting", _("settings")
    AUDIT = "audit", _("audit events")
    DELIVERY = "delivery", _("deliveries")
    PERMISSION = "permission", _("permissions")
    DIRECTORY = "directory", _("directories")
    INTEGRATION = "integration", _("integrations")
    API_KEY = "apikey", _("API keys")
    SIGNING_KEY = "signingkey", _("signing keys")
    APPLICATION = "application", _("applications")
    COBROWSE = "cobrowse", _("co-browse sessions")
    HELP = "help", _("help requests")


class Reach(models.TextChoices):
    """How far a permission reaches."""

    OWN = "own", _("the person's own company")
    ONE = "one", _("the company named here")
    EVERY = "every", _("every company")


class SecondFactorPolicy(models.TextChoices):
    """How a second factor is asked for, from lax to strict (mission T1)."""

    OFF = "off", _("off: never asked for")
    OPTIONAL = "optional", _("optional: asked of people who turned it on")
    REQUIRED = "required", _("required: asked of everyone")


class Company(models.Model):
    """An organisation whose people and data stand apart from every other's."""

    scope_kind = Kind.COMPANY
    scope_path = "pk"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120, unique=True, help_text=_("As its people know it."))
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("When off, nobody of this company can sign in, and open sessions end at once."),
    )
    tenant_dbid = models.PositiveIntegerField(
        _("Configuration Server Tenant (DBID)"),
        null=True,
        blank=True,
        unique=True,
        help_text=_("This company is loaded for directory accounts of the tenant with this number."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Privilege(models.Model):
    """One thing that a person may do in one application, such as “Gatehouse: Users - Manage”."""

    scope_kind = "privilege"
    scope_path = ""  # one catalogue for all companies

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.CharField(
        _("application"), max_length=80, help_text=_("The system that asks for it.")
    )
    name = models.CharField(_("name"), max_length=120, help_text=_("Its name in that system."))
    description = models.CharField(
        _("description"), max_length=300, blank=True, help_text=_("What it allows, in plain words.")
    )

    class Meta:
        verbose_name = _("privilege")
        verbose_name_plural = _("privileges")
        ordering = ("application", "name")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "name"], name="privilege_once")
        ]

    def __str__(self) -> str:
        return f"{self.application}: {self.name}"


class Role(models.Model):
    """A named, ranked set of privileges. A role without a company can be given in every company."""

    scope_kind = Kind.ROLE
    scope_path = "company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120, help_text=_("As administrators know it."))
    company = models.ForeignKey(
        Company,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("company"),
        help_text=_("Empty: the role can be given in every company."),
    )
    rank = models.PositiveSmallIntegerField(
        _("rank"),
        default=10,
        help_text=_("From 0 to 100. Nobody can give, edit or create a role above his own rank."),
    )
    privileges: "models.ManyToManyField[Privilege, models.Model]" = models.ManyToManyField(
        Privilege, blank=True, verbose_name=_("privileges"), help_text=_("What people with this role may do.")
    )
    twofactor_policy = models.CharField(
        _("second factor"),
        max_length=10,
        blank=True,
        choices=SecondFactorPolicy.choices,
        help_text=_("Empty: as the settings say. The strictest of role, company and global setting holds."),
    )
    is_built_in = models.BooleanField(_("built in"), default=False, editable=False)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        ordering = ("-rank", "name")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "name"], name="role_once_a_company"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(company=None), name="role_once_everywhere"
            ),
            models.CheckConstraint(condition=models.Q(rank__lte=RANK_MAXIMUM), name="role_rank_bounds"),
        ]

    def __str__(self) -> str:
        return self.name if self.company_id is None else f"{self.name} ({self.company})"


class Permission(models.Model):
    """A user or role may see objects of one kind, in his own, one named, or every company."""

    scope_kind = Kind.PERMISSION
    scope_path = "user__company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("person"),
        related_name="permissions",
        help_text=_("Who gets it; or choose a role."),
    )
    role = models.ForeignKey(
        Role,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("role"),
        related_name="permissions",
        help_text=_("Everyone with this role gets it."),
    )
    kind = models.CharField(
        _("kind of object"), max_length=20, choices=Kind.choices, help_text=_("What can be seen.")
    )
    reach = models.CharField(
        _("reach"), max_length=5, choices=Reach.choices, default=Reach.OWN, help_text=_("In which companies.")
    )
    company = models.ForeignKey(
        Company,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("company"),
        related_name="+",
        help_text=_("Only with the reach “the company named here”."),
    )

    class Meta:
        verbose_name = _("permission")
        verbose_name_plural = _("permissions")
        ordering = ("kind", "id")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(user=None, role__isnull=False) | models.Q(user__isnull=False, role=None),
                name="permission_user_or_role",
            ),
            models.CheckConstraint(
                condition=models.Q(reach="one", company__isnull=False)
                | ~models.Q(reach="one") & models.Q(company=None),
                name="permission_company_with_reach_one",
            ),
        ]

    def __str__(self) -> str:
        # Without the company: this name is shown to people who may see its holder and not every company.
        return f"{self.user or self.role}: {self.get_kind_display()}, {self.get_reach_display()}"


class SettingsRevision(models.Model):
    """One state of the settings, global (no company) or of a company; the newest is in force, and older ones are kept."""

    scope_kind = Kind.SETTING
    scope_path = "company_id"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, null=True, blank=True, verbose_name=_("company"))
    number = models.PositiveIntegerField(_("revision"))
    values = models.JSONField(_("values"), default=dict)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    author_uid = models.CharField(_("author"), max_length=36, blank=True)
    author_name = models.CharField(_("author's name"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("settings revision")
        verbose_name_plural = _("settings revisions")
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["company", "number"], name="revision_once_a_company"),
            models.UniqueConstraint(
                fields=["number"], condition=models.Q(company=None), name="revision_once_global"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company or _('Everywhere')} #{self.number}"

    @property
    def told(self) -> dict[str, Value]:
        """The values as they may be read."""
        return {name: told(name, value) for name, value in self.values.items()}


class SettingSecret(models.Model):
    """A secret that a setting was given; the revision holds its id, so that rolling back finds the one of that time."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    value = SealedField(default=NOTHING)

    def __str__(self) -> str:
        return str(self.uid)

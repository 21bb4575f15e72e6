"""The Configuration Server: tenants, external persons, what roles and permissions give them; directories and imports stand apart."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from configserver.directory import (
    BRINGING,
    PROVING,
    Directory,
    DirectoryGroup,
    DirectoryServer,
    DirectoryTenant,
)
from configserver.imports import Import, ImportState, ImportStep
from configserver.portals import Portal
from core.contacts import NAME_LENGTH, key_of

__all__ = [
    "Directory",
    "DirectoryGroup",
    "DirectoryServer",
    "DirectoryTenant",
    "Group",
    "Import",
    "ImportState",
    "ImportStep",
    "Permission",
    "Person",
    "Portal",
    "Privilege",
    "Role",
    "SolutionPackage",
    "Tenant",
    "UsedPassword",
]

RANK_MAXIMUM = 100
ENVIRONMENT_DBID = 1  # the root tenant


class Library(models.TextChoices):
    """Who proves the passwords of a tenant's persons (option `library` of the section `authentication`)."""

    INHERIT = "", _("as the tenant above")
    INTERNAL = "internal", _("internal: the Configuration Server itself")
    DIRECTORY = "directory", _("the directory named here")


class Enforce(models.TextChoices):
    """Option `enforce-external-auth` of the section `authentication`."""

    INHERIT = "", _("as the tenant above")
    YES = "true", _("yes: the directory answers for every person of the tenant")
    NO = "false", _("no: only for persons with an external id")


class Tenant(models.Model):
    """A tenant, known by its number (DBID); whatever it does not say itself is taken from the one above, up to ENVIRONMENT."""

    scope_kind = "directory"
    scope_path = "*"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dbid = models.PositiveIntegerField(
        _("DBID"), unique=True, help_text=_("The number by which companies name this tenant.")
    )
    name = models.CharField(_("name"), max_length=120, unique=True, help_text=_("As administrators know it."))
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("tenant above"),
        help_text=_("What this tenant does not say itself comes from there."),
    )
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("When off, nobody of this tenant and those below can sign in, and open sessions end."),
    )
    library = models.CharField(
        _("passwords are proved by"),
        max_length=10,
        blank=True,
        choices=Library.choices,
        help_text=_("Option library: the Configuration Server itself, or a directory."),
    )
    directory = models.ForeignKey(
        Directory,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tenants",
        limit_choices_to={"protocol__in": PROVING},
        verbose_name=_("directory"),
        help_text=_("Only where a directory proves the passwords."),
    )
    enforce = models.CharField(
        _("directory for everybody"),
        max_length=5,
        blank=True,
        choices=Enforce.choices,
        help_text=_("Option enforce-external-auth."),
    )
    # Of the section security-authentication-rules, by the names of the options. ENVIRONMENT has none here: its are the settings.
    rules = models.JSONField(default=dict, blank=True, editable=False)
    inherits = models.BooleanField(
        _("takes rules from above"),
        default=True,
        help_text=_("When off, what is empty here has the default instead of what the tenants above say."),
    )

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ("dbid",)

    def __str__(self) -> str:
        return f"{self.name} ({self.dbid})"


class Privilege(models.Model):
    """One thing that a role lets its people do in one application."""

    application = models.CharField(max_length=80)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ("application", "name")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "name"], name="directory_privilege_once")
        ]

    def __str__(self) -> str:
        return f"{self.application}: {self.name}"


class SolutionPackage(models.Model):
    """A Solution Package Definition that was applied: what it brought, and what was there before."""

    scope_kind = "directory"
    scope_path = "*"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120)
    version = models.CharField(_("version"), max_length=40)
    description = models.CharField(_("description"), max_length=300, blank=True)
    summary = models.CharField(_("summary"), max_length=1_000, blank=True)
    deploymentkey = models.CharField(_("deployment key"), max_length=120)
    roles = models.JSONField(_("roles"), default=list)  # names that it brought
    before = models.TextField(
        editable=False
    )  # the roles that it touched, as they were (`configserver.spd.to_json`)
    applied_at = models.DateTimeField(_("applied"))
    applied_by = models.CharField(_("by"), max_length=254, blank=True)
    rolled_back_at = models.DateTimeField(_("rolled back"), null=True)

    class Meta:
        verbose_name = _("role package")
        verbose_name_plural = _("role packages")
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name", "version"], condition=models.Q(rolled_back_at=None), name="package_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Role(models.Model):
    """A named, ranked set of privileges for external persons."""

    scope_kind = "directory"
    scope_path = "*"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(
        _("name"),
        max_length=120,
        unique=True,
        help_text=_(
            "A role of this name in the portal lends its second-factor policy to whoever has this one."
        ),
    )
    rank = models.PositiveSmallIntegerField(
        _("rank"),
        default=10,
        help_text=_("From 0 to 100. Nobody can give, edit or create a role above his own rank."),
    )
    description = models.CharField(
        _("description"), max_length=300, blank=True, help_text=_("What its people do, in plain words.")
    )
    privileges: "models.ManyToManyField[Privilege, models.Model]" = models.ManyToManyField(
        Privilege, blank=True, related_name="roles", verbose_name=_("privileges")
    )
    package = models.CharField(  # the name of the package that brought it
        _("role package"), max_length=120, blank=True, editable=False
    )

    class Meta:
        verbose_name = _("directory role")
        verbose_name_plural = _("directory roles")
        ordering = ("-rank", "name")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(rank__lte=RANK_MAXIMUM), name="directory_role_rank_bounds"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    """An external person. Who proves the password follows from the person and the tenant (`configserver.choice`)."""

    scope_kind = "user"
    scope_path = "@tenant__dbid"  # of the company that is linked to the tenant

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        related_name="persons",
        verbose_name=_("tenant"),
        help_text=_("Decides the company that is loaded at sign-in, and who proves the password."),
    )
    name = models.CharField(
        _("user name"),
        max_length=NAME_LENGTH,
        help_text=_("Typed at sign-in. Unique in the Configuration Server."),
    )
    name_key = models.CharField(max_length=NAME_LENGTH, unique=True, editable=False)
    display_name = models.CharField(
        _("name"), max_length=120, help_text=_("The person's name as others see it.")
    )
    email = models.CharField(
        _("e-mail"),
        max_length=NAME_LENGTH,
        blank=True,
        help_text=_("For codes and notices; never a sign-in name."),
    )
    phone = models.CharField(
        _("phone"), max_length=20, blank=True, help_text=_("In international form, such as +49 30 1234567.")
    )
    external_id = models.CharField(
        _("external id"),
        max_length=NAME_LENGTH,
        blank=True,
        help_text=_(
            "The name under which the directory knows the person. Empty: a directory that the person or the tenant names for everybody "
            "is asked for the user name, any other is not asked."
        ),
    )
    directory = models.ForeignKey(
        Directory,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="persons",
        limit_choices_to={"protocol__in": PROVING},
        verbose_name=_("directory"),
        help_text=_("The directory that proves this person's password, whatever the tenant says."),
    )
    # The directory that brought the person and keeps it as it is there, and the id by which it knows the person.
    source = models.ForeignKey(
        Directory,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="brought",
        limit_choices_to={"protocol__in": BRINGING},
        verbose_name=_("brought by"),
        help_text=_("The directory that keeps this person; what is changed here, it may change back."),
    )
    source_ref = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    given_name = models.CharField(
        _("given name"), max_length=120, blank=True, default="", db_default="", editable=False
    )
    family_name = models.CharField(
        _("family name"), max_length=120, blank=True, default="", db_default="", editable=False
    )
    # An import found the entry gone and switched the person off; it is switched on again when the entry is back.
    gone_at = models.DateTimeField(null=True, editable=False)
    # The directory's own id of the entry, kept at the first sign-in: another entry under the same name is somebody else.
    entry = models.CharField(_("directory entry"), max_length=255, blank=True, editable=False)
    roles: "models.ManyToManyField[Role, models.Model]" = models.ManyToManyField(
        Role,
        blank=True,
        related_name="persons",
        verbose_name=_("roles"),
        help_text=_("What the person may do."),
    )
    # Numbers of the roles that groups of the directory gave at the last sign-in: with them, too, somebody stands above others.
    mapped = models.JSONField(default=list, db_default=[], editable=False)
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("When off, the person cannot sign in and open sessions end at once."),
    )
    password = models.CharField(max_length=128, blank=True, editable=False)
    password_changed_at = models.DateTimeField(_("password changed"), null=True, editable=False)
    must_change_password = models.BooleanField(
        _("change password at next login"),
        default=False,
        help_text=_("At the next sign-in a new password is asked for; then this is switched off."),
    )
    # Counts every change that voids what was granted before it; sessions that began under another one have ended.
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        verbose_name = _("directory person")
        verbose_name_plural = _("directory persons")
        ordering = ("name_key",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "source_ref"],
                condition=~models.Q(source_ref="") & models.Q(source__isnull=False),
                name="person_once_a_source",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "name_key"]),
            models.Index(fields=["name_key"], opclasses=["varchar_pattern_ops"], name="person_by_key"),
            models.Index(fields=["display_name"], opclasses=["varchar_pattern_ops"], name="person_by_name"),
            # Few are switched off, among very many: the list of them walks these alone.
            models.Index(fields=["name_key"], condition=models.Q(is_active=False), name="person_off"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the form in which the name is compared beside the name."""
        self.name_key = key_of(self.name)
        super().save(*args, **kwargs)


class Group(models.Model):
    """A group that an identity provider keeps here; its members have the roles that the directory maps to its name."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    directory = models.ForeignKey(Directory, models.CASCADE, related_name="brought_groups")
    name = models.CharField(max_length=500)
    name_key = models.CharField(max_length=500, editable=False)
    source_ref = models.CharField(max_length=255, blank=True)
    members: "models.ManyToManyField[Person, models.Model]" = models.ManyToManyField(Person)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name_key",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["directory", "name_key"], name="group_once_a_directory"),
            models.UniqueConstraint(
                fields=["directory", "source_ref"],
                condition=~models.Q(source_ref=""),
                name="group_id_once_a_directory",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UsedPassword(models.Model):
    """The hash of a password that a person had, so that it is not taken again too soon."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="used_passwords")
    password = models.CharField(max_length=128)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.person} {self.at:%Y-%m-%d}"


class Reach(models.TextChoices):
    """How far a permission reaches."""

    OWN = "own", _("the person's own company")
    ONE = "one", _("the company of the tenant named here")
    EVERY = "every", _("every company")


class Permission(models.Model):
    """A person, or whoever has a role, may see objects of one kind."""

    scope_kind = "directory"
    scope_path = "*"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(
        Person,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="permissions",
        verbose_name=_("person"),
        help_text=_("Who gets it; or choose a role."),
    )
    role = models.ForeignKey(
        Role,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="permissions",
        verbose_name=_("directory role"),
        help_text=_("Everyone with this role gets it."),
    )
    kind = models.CharField(_("kind of object"), max_length=20, help_text=_("What can be seen."))
    reach = models.CharField(
        _("reach"), max_length=5, choices=Reach.choices, default=Reach.OWN, help_text=_("In which companies.")
    )
    tenant = models.ForeignKey(
        Tenant,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("tenant"),
        help_text=_("Only with the reach “the company of the tenant named here”."),
    )

    class Meta:
        verbose_name = _("directory permission")
        verbose_name_plural = _("directory permissions")
        ordering = ("kind", "id")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(person=None, role__isnull=False)
                | models.Q(person__isnull=False, role=None),
                name="directory_permission_person_or_role",
            ),
            models.CheckConstraint(
                condition=models.Q(reach="one", tenant__isnull=False)
                | ~models.Q(reach="one") & models.Q(tenant=None),
                name="directory_permission_tenant_with_reach_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person or self.role}: {self.kind}, {self.get_reach_display()}"

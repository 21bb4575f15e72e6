"""Directories outside: how LDAP and RADIUS are asked, how SCIM brings people here, what is mapped, and how servers were last seen."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.sealed import NOTHING, SealedField


class Protocol(models.TextChoices):
    """How a directory is spoken to."""

    LDAP = "ldap", _("LDAP")
    RADIUS = "radius", _("RADIUS")
    SCIM = "scim", _("SCIM")


# These prove passwords; an identity provider that speaks SCIM only brings people here.
PROVING = (Protocol.LDAP, Protocol.RADIUS)
BRINGING = (Protocol.SCIM, Protocol.LDAP)


class Coding(models.TextChoices):
    """How a RADIUS request carries the password."""

    PAP = "pap", _("PAP")
    CHAP = "chap", _("CHAP")


class Directory(models.Model):
    """A source of persons of the Configuration Server: LDAP and RADIUS prove their passwords, SCIM brings them here."""

    scope_kind = "directory"
    scope_path = "*"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120, unique=True, help_text=_("As administrators know it."))
    protocol = models.CharField(
        _("protocol"), max_length=6, choices=Protocol.choices, help_text=_("Stays as it is.")
    )
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_(
            "When off, nobody of this directory can sign in, and open sessions end. No other engine steps in."
        ),
    )
    servers = models.TextField(
        _("servers"),
        blank=True,
        help_text=_(
            "One a line, asked in this order. LDAP: ldaps://ldap.example:636 or ldap://ldap.example:389; RADIUS: host:1812."
        ),
    )
    secret = SealedField(default=NOTHING)  # the password of the service account, or RADIUS's shared secret
    connect_timeout_ms = models.PositiveIntegerField(
        _("time to connect"),
        default=3_000,
        help_text=_("Milliseconds for one connection, or for one RADIUS datagram: 100 to 10000."),
    )
    timeout_ms = models.PositiveIntegerField(
        _("time in all"),
        default=8_000,
        help_text=_("Milliseconds for one sign-in over all servers: 500 to 20000."),
    )

    # --- LDAP ---
    start_tls = models.BooleanField(
        _("StartTLS"),
        default=True,
        help_text=_("For ldap:// addresses. Only an address of this very machine may go without."),
    )
    ca_certificates = models.TextField(
        _("CA certificates"), blank=True, help_text=_("PEM. Empty: the authorities that this machine trusts.")
    )
    bind_dn = models.CharField(
        _("service account"),
        max_length=500,
        blank=True,
        help_text=_("DN that searches; empty with a direct bind."),
    )
    base_dn = models.CharField(
        _("base DN"), max_length=500, blank=True, help_text=_("Where people are searched.")
    )
    user_filter = models.CharField(
        _("filter"),
        max_length=500,
        blank=True,
        default="(uid={login})",
        help_text=_("{login} stands for the person's external id, else the user name."),
    )
    direct_dn = models.CharField(
        _("direct bind"),
        max_length=500,
        blank=True,
        help_text=_("A DN with {login} in it: then nobody searches before the bind."),
    )
    entry_attribute = models.CharField(
        _("attribute: id of the entry"),
        max_length=80,
        default="entryUUID",
        help_text=_("Never changes, and tells two people of one name apart; Active Directory: objectGUID."),
    )
    name_attribute = models.CharField(
        _("attribute: name"),
        max_length=80,
        blank=True,
        default="cn",
        help_text=_("Empty: the name kept here stays."),
    )
    email_attribute = models.CharField(
        _("attribute: e-mail"),
        max_length=80,
        blank=True,
        default="mail",
        help_text=_("Empty: the address kept here stays."),
    )
    phone_attribute = models.CharField(
        _("attribute: phone"),
        max_length=80,
        blank=True,
        default="telephoneNumber",
        help_text=_("Empty: the number kept here stays."),
    )
    tenant_attribute = models.CharField(
        _("attribute: tenant"),
        max_length=80,
        blank=True,
        help_text=_("Its value names the tenant; empty: the person's own tenant holds."),
    )
    group_base = models.CharField(
        _("base DN of groups"), max_length=500, blank=True, help_text=_("Empty: the base DN of people.")
    )
    group_filter = models.CharField(
        _("filter of groups"),
        max_length=500,
        blank=True,
        default="(member={dn})",
        help_text=_("{dn} stands for the person's entry."),
    )
    login_attribute = models.CharField(
        _("attribute: user name"),
        max_length=80,
        default="uid",
        db_default="uid",
        help_text=_("Of whoever is imported; Active Directory: sAMAccountName."),
    )
    import_filter = models.CharField(
        _("filter of the import"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text=_("Whom an import brings, such as (objectClass=inetOrgPerson). Empty: there is no import."),
    )
    import_percent = models.PositiveSmallIntegerField(
        _("most that an import changes"),
        default=20,
        db_default=20,
        help_text=_(
            "Percent of the people whom it brought, 1 to 100: an import that would change more stops."
        ),
    )
    nested_groups = models.BooleanField(
        _("groups in groups"),
        default=False,
        help_text=_("Whether whoever is in a group is in the groups that hold it, too."),
    )
    change_password = models.BooleanField(
        _("people may change their password here"),
        default=False,
        help_text=_("By the Modify Password operation (RFC 3062), as the person."),
    )
    cache_seconds = models.PositiveIntegerField(
        _("remember a success"),
        default=0,
        help_text=_("Option ldap-cache-time, seconds, 0 to 65536: so long the directory is not asked again."),
    )
    negative_cache_seconds = models.PositiveIntegerField(
        _("remember a wrong password"),
        default=0,
        help_text=_("Option ldap-negative-cache-time, seconds, 0 to 65536, for the last wrong one."),
    )

    # --- RADIUS ---
    coding = models.CharField(
        _("password coding"),
        max_length=4,
        choices=Coding.choices,
        default=Coding.PAP,
        help_text=_("CHAP only where the server knows passwords in clear text."),
    )
    attempts = models.PositiveSmallIntegerField(
        _("tries per server"), default=2, help_text=_("Datagrams before the next server is asked: 1 to 5.")
    )
    nas_identifier = models.CharField(
        _("NAS identifier"),
        max_length=80,
        default="gatehouse",
        help_text=_("By which the server knows this portal."),
    )
    rounds_are_factor = models.BooleanField(
        _("its questions are the second factor"),
        default=False,
        help_text=_("Then nothing more is asked of whoever answered at least one question of the server."),
    )

    # --- SCIM, and the import from LDAP ---
    people_tenant = models.ForeignKey(
        "configserver.Tenant",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("tenant of its people"),
        help_text=_("To which everybody belongs whom it brings."),
    )
    # Of the bearer credential, which is shown once.
    token = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001 - unique where there is one
    token_made_at = models.DateTimeField(null=True, editable=False)
    token_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("directory")
        verbose_name_plural = _("directories")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def server_names(self) -> tuple[str, ...]:
        """The servers in their order."""
        return tuple(self.servers.split())


class DirectoryGroup(models.Model):
    """Whoever is in this group of the directory has this role."""

    directory = models.ForeignKey(Directory, models.CASCADE, related_name="groups")
    group = models.CharField(max_length=500)  # its DN
    role = models.ForeignKey("configserver.Role", models.PROTECT, related_name="groups")

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["directory", "group", "role"], name="group_gives_role_once")
        ]

    def __str__(self) -> str:
        return self.group


class DirectoryTenant(models.Model):
    """Whoever has this value in the tenant attribute is of this tenant."""

    directory = models.ForeignKey(Directory, models.CASCADE, related_name="tenant_values")
    value = models.CharField(max_length=200)
    tenant = models.ForeignKey("configserver.Tenant", models.PROTECT, related_name="values")

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["directory", "value"], name="value_names_tenant_once")
        ]

    def __str__(self) -> str:
        return self.value


class DirectoryServer(models.Model):
    """How one server of a directory was last found by the clock."""

    directory = models.ForeignKey(Directory, models.CASCADE, related_name="seen")
    server = models.CharField(max_length=300)
    checked_at = models.DateTimeField()
    ok = models.BooleanField()
    since = models.DateTimeField()  # so long it has been found like this
    failed_step = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    certificate_expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["directory", "server"], name="server_once_a_directory")
        ]

    def __str__(self) -> str:
        return self.server

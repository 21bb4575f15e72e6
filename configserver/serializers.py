"""What the API takes and shows of tenants, and of the roles and permissions of external people."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from configserver.models import (
    RANK_MAXIMUM,
    Directory,
    Enforce,
    Library,
    Permission,
    Person,
    Reach,
    Role,
    Tenant,
)
from configserver.options import SECTION
from configserver.services.role import MOST_PRIVILEGES
from configserver.services.tenant import DBID_MAXIMUM
from core.fields import Flag, Reference, SettingValue, Strict, Text, Uid, Whole

# --- tenants -----------------------------------------------------------------------------------------------------------------


class TenantShown(serializers.ModelSerializer[Tenant]):
    """A tenant of the Configuration Server."""

    id = Uid(source="uid")
    parent = Uid(source="parent.uid", allow_null=True)  # type: ignore[assignment]
    directory = Uid(source="directory.uid", allow_null=True)
    library = serializers.ChoiceField(Library.choices, read_only=True)
    enforce = serializers.ChoiceField(Enforce.choices, read_only=True)
    rules = serializers.SerializerMethodField(help_text=_("What the tenant says itself, by option."))

    class Meta:
        model = Tenant
        fields = (
            "id",
            "dbid",
            "name",
            "parent",
            "is_active",
            "library",
            "directory",
            "enforce",
            "inherits",
            "rules",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=SettingValue()))
    def get_rules(self, tenant: Tenant) -> dict[str, Any]:
        """The rules without the name of the section, which is the same for all."""
        return {name.removeprefix(f"{SECTION}."): value for name, value in tenant.rules.items()}


class _Tenant(Strict):
    is_active = Flag(required=False, help_text=_("When false, nobody of it and those below can sign in."))
    library = serializers.ChoiceField(
        Library.choices, required=False, help_text=_("Who proves passwords. Empty: as the tenant above.")
    )
    directory = Reference(
        Directory,
        required=False,
        allow_null=True,
        help_text=_("With the library `directory`, and only then."),
    )
    enforce = serializers.ChoiceField(
        Enforce.choices, required=False, help_text=_("Option enforce-external-auth.")
    )
    inherits = Flag(
        required=False, help_text=_("When false, rules not given here have their defaults, not those above.")
    )
    rules = serializers.DictField(
        child=SettingValue(),
        required=False,
        help_text=_("All options of the section security-authentication-rules that the tenant says itself."),
    )


class NewTenant(_Tenant):
    """A tenant to be made."""

    dbid = Whole(min_value=1, max_value=DBID_MAXIMUM, help_text=_("The number by which companies name it."))
    name = Text(max_length=120)
    parent = Reference(  # type: ignore[assignment]
        Tenant, required=False, allow_null=True, help_text=_("Left out or null: right below ENVIRONMENT.")
    )


class ChangedTenant(_Tenant):
    """What is to change of a tenant."""

    dbid = Whole(min_value=1, max_value=DBID_MAXIMUM, required=False)
    name = Text(max_length=120, required=False)
    parent = Reference(Tenant, required=False)  # type: ignore[assignment]


class TenantFilters(Strict):
    """Which tenants."""

    dbid = serializers.IntegerField(required=False, min_value=1, max_value=DBID_MAXIMUM)
    parent = Reference(Tenant, required=False)  # type: ignore[assignment]
    is_active = serializers.BooleanField(required=False)


# --- roles and permissions of external people -----------------------------------------------------------------------------------


class PrivilegePair(serializers.Serializer[Any]):
    """One thing that people with the role may do in one application."""

    application = serializers.CharField()
    name = serializers.CharField()


class DirectoryRoleShown(serializers.ModelSerializer[Role]):
    """A ranked set of privileges for external people."""

    id = Uid(source="uid")
    privileges = PrivilegePair(many=True, read_only=True)
    package = serializers.CharField(read_only=True, help_text=_("The role package that brought it."))

    class Meta:
        model = Role
        fields = ("id", "name", "rank", "description", "privileges", "package")
        read_only_fields = fields


class _PairGiven(Strict):
    application = Text(max_length=80)
    name = Text(max_length=120)


class _DirectoryRole(Strict):
    rank = Whole(
        min_value=0,
        max_value=RANK_MAXIMUM,
        required=False,
        help_text=_("From 0 to 100, never above the caller's own."),
    )
    description = Text(max_length=300, required=False, allow_blank=True)
    privileges = serializers.ListField(
        child=_PairGiven(), required=False, max_length=MOST_PRIVILEGES, help_text=_("All that it gives.")
    )


class NewDirectoryRole(_DirectoryRole):
    """A role to be made."""

    name = Text(max_length=120)


class ChangedDirectoryRole(_DirectoryRole):
    """What is to change of a role."""

    name = Text(max_length=120, required=False)


class DirectoryRoleFilters(Strict):
    """Which roles."""

    name = Text(max_length=120, required=False)
    package = Text(max_length=120, required=False, help_text=_("The role package that brought them."))


class DirectoryPermissionShown(serializers.ModelSerializer[Permission]):
    """An external person, or the people of a role, may see objects of one kind."""

    id = Uid(source="uid")
    person = Uid(source="person.uid", allow_null=True)
    role = Uid(source="role.uid", allow_null=True)
    tenant = Uid(source="tenant.uid", allow_null=True)

    class Meta:
        model = Permission
        fields = ("id", "person", "role", "kind", "reach", "tenant")
        read_only_fields = fields


class NewDirectoryPermission(Strict):
    """A permission to be given to an external person or a role."""

    person = Reference(Person, required=False, help_text=_("Who gets it; or name a role."))
    role = Reference(Role, required=False, help_text=_("Everyone with this role gets it."))
    kind = Text(max_length=20, help_text=_("A kind of object, as in `permissions/`."))
    reach = serializers.ChoiceField(Reach.choices, required=False)
    tenant = Reference(
        Tenant, required=False, allow_null=True, help_text=_("With the reach `one`, and only then.")
    )


class ChangedDirectoryPermission(Strict):
    """What is to change of a permission; its holder stays."""

    kind = Text(max_length=20, required=False)
    reach = serializers.ChoiceField(Reach.choices, required=False)
    tenant = Reference(Tenant, required=False, allow_null=True)


class DirectoryPermissionFilters(Strict):
    """Which permissions."""

    person = Reference(Person, required=False)
    role = Reference(Role, required=False)

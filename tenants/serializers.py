"""What the API takes and shows of companies, rights and settings."""

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from configserver.services.tenant import DBID_MAXIMUM
from core.fields import Flag, Reference, References, SettingValue, Strict, Text, Uid, Uids, Whole
from tenants.models import (
    RANK_MAXIMUM,
    Company,
    Kind,
    Permission,
    Privilege,
    Reach,
    Role,
    SecondFactorPolicy,
    SettingsRevision,
)


class CompanyShown(serializers.ModelSerializer[Company]):
    """A company."""

    id = Uid(source="uid")

    class Meta:
        model = Company
        fields = ("id", "name", "is_active", "tenant_dbid", "created_at")
        read_only_fields = fields


class NewCompany(Strict):
    """A company to be made."""

    name = Text(max_length=120, help_text=_("As its people know it."))
    is_active = Flag(required=False, help_text=_("When false, nobody of this company can sign in."))
    tenant_dbid = Whole(
        min_value=1,
        max_value=DBID_MAXIMUM,
        required=False,
        allow_null=True,
        help_text=_("DBID of the Configuration Server's tenant whose people belong here."),
    )


class ChangedCompany(NewCompany):
    """What is to change of a company."""

    name = Text(max_length=120, required=False)


class PrivilegeShown(serializers.ModelSerializer[Privilege]):
    """One thing that a person may do in one application."""

    id = Uid(source="uid")

    class Meta:
        model = Privilege
        fields = ("id", "application", "name", "description")
        read_only_fields = fields


class NewPrivilege(Strict):
    """A privilege to be added to the catalogue."""

    application = Text(max_length=80, help_text=_("The system that asks for it."))
    name = Text(max_length=120, help_text=_("Its name in that system."))
    description = Text(max_length=300, required=False, allow_blank=True)


class ChangedPrivilege(NewPrivilege):
    """What is to change of a privilege."""

    application = Text(max_length=80, required=False)
    name = Text(max_length=120, required=False)


class PrivilegeFilters(Strict):
    """Which privileges."""

    application = Text(max_length=80, required=False)


class RoleShown(serializers.ModelSerializer[Role]):
    """A ranked set of privileges."""

    id = Uid(source="uid")
    company = Uid(source="company.uid", allow_null=True)
    privileges = Uids()
    twofactor_policy = serializers.ChoiceField(
        ["", *SecondFactorPolicy.values], read_only=True, help_text=_("Empty: as the settings say.")
    )

    class Meta:
        model = Role
        fields = ("id", "name", "company", "rank", "privileges", "twofactor_policy", "is_built_in")
        read_only_fields = fields


class _Role(Strict):
    rank = Whole(
        min_value=0,
        max_value=RANK_MAXIMUM,
        required=False,
        help_text=_("From 0 to 100, never above the caller's own."),
    )
    privileges = References(Privilege, required=False, help_text=_("Ids of privileges."))
    twofactor_policy = serializers.ChoiceField(
        ["", *SecondFactorPolicy.values], required=False, help_text=_("Empty: as the settings say.")
    )


class NewRole(_Role):
    """A role to be made."""

    name = Text(max_length=120)
    company = Reference(
        Company,
        required=False,
        allow_null=True,
        help_text=_("Left out: the caller's own company. null: the role can be given in every company."),
    )


class ChangedRole(_Role):
    """What is to change of a role."""

    name = Text(max_length=120, required=False)


class RoleFilters(Strict):
    """Which roles."""

    company = Reference(Company, required=False)


class PermissionShown(serializers.ModelSerializer[Permission]):
    """A person or the people of a role may see objects of one kind."""

    id = Uid(source="uid")
    user = Uid(source="user.uid", allow_null=True)
    role = Uid(source="role.uid", allow_null=True)
    company = Uid(source="company.uid", allow_null=True)

    class Meta:
        model = Permission
        fields = ("id", "user", "role", "kind", "reach", "company")
        read_only_fields = fields


class NewPermission(Strict):
    """A permission to be given to a person or a role."""

    user = Reference(get_user_model(), required=False, help_text=_("Who gets it; or name a role."))
    role = Reference(Role, required=False, help_text=_("Everyone with this role gets it."))
    kind = serializers.ChoiceField(Kind.choices)
    reach = serializers.ChoiceField(Reach.choices, required=False)
    company = Reference(
        Company, required=False, allow_null=True, help_text=_("With the reach `one`, and only then.")
    )


class ChangedPermission(Strict):
    """What is to change of a permission; its holder stays."""

    kind = serializers.ChoiceField(Kind.choices, required=False)
    reach = serializers.ChoiceField(Reach.choices, required=False)
    company = Reference(Company, required=False, allow_null=True)


class PermissionFilters(Strict):
    """Which permissions."""

    user = Reference(get_user_model(), required=False)
    role = Reference(Role, required=False)


class SettingShown(serializers.Serializer[Any]):
    """A runtime setting and where its value comes from."""

    name = serializers.CharField()
    value = SettingValue(help_text=_("The value in force; of a secret, bullets where there is one."))
    default = SettingValue()
    pinned = serializers.BooleanField(help_text=_("Set by the environment; it cannot be changed here."))
    source = serializers.ChoiceField(["environment", "company", "tenant", "global", "default"])  # type: ignore[assignment]
    help = serializers.CharField()
    unit = serializers.CharField()
    type = serializers.ChoiceField(["boolean", "integer", "string"])
    choices = serializers.ListField(child=serializers.CharField(), help_text=_("Empty: no list of choices."))
    minimum = serializers.IntegerField(allow_null=True)
    maximum = serializers.IntegerField(allow_null=True)


class ChangedSettings(Strict):
    """New values, and why."""

    values = serializers.DictField(
        child=SettingValue(allow_null=True),
        help_text=_("Values by name. null: back to what stands above: the global value, or the default."),
    )
    reason = Text(max_length=300, help_text=_("Kept with the revision."))


class RevisionShown(serializers.ModelSerializer[SettingsRevision]):
    """One state of the settings, of a company or for everyone."""

    id = Uid(source="uid")
    company = Uid(source="company.uid", allow_null=True)
    values = serializers.DictField(child=SettingValue(), source="told", read_only=True)
    author = serializers.CharField(source="author_name", read_only=True)
    author_id = serializers.CharField(source="author_uid", read_only=True)

    class Meta:
        model = SettingsRevision
        fields = ("id", "company", "number", "values", "reason", "author", "author_id", "at")
        read_only_fields = fields


class RevisionFilters(Strict):
    """Which revisions."""

    company = Reference(Company, required=False)


class RollBack(Strict):
    """Why an older state is put in force again."""

    reason = Text(max_length=300, required=False, allow_blank=True, default="")

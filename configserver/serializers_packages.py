"""What the API shows of role packages and of what one would change."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from configserver.models import SolutionPackage
from configserver.serializers import PrivilegePair
from core.fields import Strict, Text, Uid


class SolutionPackageShown(serializers.ModelSerializer[SolutionPackage]):
    """A role package that was applied."""

    id = Uid(source="uid")
    roles = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text=_("Names of the roles that it brought.")
    )

    class Meta:
        model = SolutionPackage
        fields = (
            "id",
            "name",
            "version",
            "description",
            "summary",
            "deploymentkey",
            "roles",
            "applied_at",
            "applied_by",
            "rolled_back_at",
        )
        read_only_fields = fields


class PackagePermission(serializers.Serializer[Any]):
    """What people with a role may see."""

    kind = serializers.CharField()
    reach = serializers.CharField()
    tenant_dbid = serializers.IntegerField(source="tenant", allow_null=True)


class PackageRole(serializers.Serializer[Any]):
    """A role that comes or goes."""

    name = serializers.CharField()
    rank = serializers.IntegerField()
    description = serializers.CharField()
    privileges = PrivilegePair(many=True)
    permissions = PackagePermission(many=True)


class PackageRoleChange(serializers.Serializer[Any]):
    """A role that is there and becomes another."""

    name = serializers.CharField()
    rank_before = serializers.IntegerField(source="before.rank")
    rank_after = serializers.IntegerField(source="after.rank")
    description_before = serializers.CharField(source="before.description")
    description_after = serializers.CharField(source="after.description")
    privileges_added = PrivilegePair(many=True)
    privileges_removed = PrivilegePair(many=True)
    permissions_added = PackagePermission(many=True)
    permissions_removed = PackagePermission(many=True)


class PackageDifference(serializers.Serializer[Any]):
    """The roles that come, change and go."""

    added = PackageRole(many=True)
    changed = PackageRoleChange(many=True)
    removed = PackageRole(many=True)
    taken_over = serializers.ListField(
        child=serializers.CharField(), help_text=_("Made by hand or by another package, and this one's then.")
    )


class PackageRefusal(serializers.Serializer[Any]):
    """What stands in the way."""

    code = serializers.CharField()
    detail = serializers.CharField(source="message")


class PackagePlan(serializers.Serializer[Any]):
    """What would change now."""

    name = serializers.CharField()
    version = serializers.CharField()
    passed_over = serializers.IntegerField(help_text=_("Steps of the file that are not carried out."))
    difference = PackageDifference()
    refusal = PackageRefusal(
        allow_null=True, help_text=_("null: nothing stands in the way; else what the request would get.")
    )


class DryRun(Strict):
    """Whether it is only looked at."""

    dry_run = serializers.BooleanField(required=False, default=False)


class PackageFilters(Strict):
    """Which packages."""

    name = Text(max_length=120, required=False)
    is_applied = serializers.BooleanField(required=False, help_text=_("false: only those rolled back."))

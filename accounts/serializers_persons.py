"""What the API takes and shows of external people as the Configuration Server keeps them."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from configserver.choice import INTERNAL
from configserver.directories import directory_of
from configserver.models import Directory, Person, Role, Tenant
from configserver.service import choice_of
from configserver.services.tenant import DBID_MAXIMUM
from core.contacts import NAME_LENGTH
from core.fields import (
    MOST_REFERENCES,
    NO_SUCH_OBJECT,
    Flag,
    Reference,
    Secret,
    Strict,
    Text,
    Uid,
    Whole,
)
from tenants.models import Kind


class PersonShown(serializers.ModelSerializer[Person]):
    """An external person."""

    id = Uid(source="uid")
    tenant_dbid = serializers.IntegerField(source="tenant.dbid", read_only=True)
    engine = serializers.SerializerMethodField(help_text=_("What proves the password."))
    directory = serializers.SerializerMethodField(
        help_text=_("The person's own directory; null also for those who see no directories.")
    )
    brought_by = serializers.SerializerMethodField(
        help_text=_(
            "The directory that brought the person and keeps it; null also for those who see no directories."
        )
    )
    roles = serializers.SerializerMethodField(help_text=_("Names of directory roles."))
    entry_kept = serializers.SerializerMethodField(
        help_text=_("Whether the directory's own id of the entry is kept, which is never shown.")
    )

    class Meta:
        model = Person
        fields = (
            "id",
            "name",
            "display_name",
            "email",
            "phone",
            "tenant_dbid",
            "engine",
            "external_id",
            "directory",
            "brought_by",
            "entry_kept",
            "roles",
            "is_active",
            "must_change_password",
            "password_changed_at",
            "created_at",
        )
        read_only_fields = fields

    def get_engine(self, person: Person) -> str:
        """internal, ldap or radius; empty where the directory is gone."""
        engine = choice_of(person).engine
        if engine == INTERNAL:
            return INTERNAL
        known = directory_of(engine)
        return known.protocol if known is not None else ""

    def get_directory(self, person: Person) -> str | None:
        """The id of the person's own directory."""
        return self._shown(person.directory)

    def get_brought_by(self, person: Person) -> str | None:
        """The id of the directory that keeps the person."""
        return self._shown(person.source)

    def _shown(self, directory: Directory | None) -> str | None:
        return str(directory.uid) if directory is not None and self.context["sees_directories"] else None

    def get_entry_kept(self, person: Person) -> bool:
        """Whether a first sign-in has kept the entry."""
        return bool(person.entry)

    def get_roles(self, person: Person) -> list[str]:
        """The roles by name; those of a directory's groups come at sign-in."""
        return [one.name for one in person.roles.all()]


class TenantNumber(Whole):
    """The DBID of a tenant whose people the caller can see, read as that tenant. Any other does not exist for him."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"min_value": 1, "max_value": DBID_MAXIMUM} | kwargs))

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """The tenant; raises ValidationError."""
        dbid = super().run_validation(data)
        by = self.context["caller"].actor(address="")
        found = Tenant.objects.filter(dbid=dbid).first()
        if found is None or not by.may_touch_tenant("view", Kind.USER, dbid=dbid):
            raise serializers.ValidationError(NO_SUCH_OBJECT, code="not_found")
        return found


class RoleNames(serializers.ListField):
    """Names of directory roles, read as those roles. Every one may be named: what it gives, the verbs judge."""

    child = Text(max_length=120)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"max_length": MOST_REFERENCES} | kwargs))

    def to_internal_value(self, data: Any) -> list[Any]:
        """The roles; raises ValidationError."""
        names = set(super().to_internal_value(data))
        found = list(Role.objects.filter(name__in=names))
        if len(found) != len(names):
            raise serializers.ValidationError(NO_SUCH_OBJECT, code="not_found")
        return found


class _Person(Strict):
    email = Text(
        max_length=NAME_LENGTH,
        required=False,
        allow_blank=True,
        help_text=_("For codes and notices; never a sign-in name."),
    )
    phone = Text(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text=_("In international form, such as +49 30 1234567."),
    )
    external_id = Text(
        max_length=NAME_LENGTH,
        required=False,
        allow_blank=True,
        help_text=_("The name under which the tenant's directory knows the person."),
    )
    directory = Reference(
        Directory,
        required=False,
        allow_null=True,
        help_text=_("The directory that proves this person's password, whatever the tenant says."),
    )
    brought_by = Reference(
        Directory,
        source="source",
        required=False,
        allow_null=True,
        help_text=_("The directory that keeps this person; what is changed here, it may change back."),
    )
    roles = RoleNames(required=False, help_text=_("Names of directory roles; all that the person has."))
    is_active = Flag(required=False, help_text=_("When false, the person cannot sign in."))
    must_change_password = Flag(
        required=False, help_text=_("A new password is asked for at the next sign-in.")
    )


class NewPerson(_Person):
    """An external person to be made."""

    name = Text(max_length=NAME_LENGTH, help_text=_("Typed at sign-in; unique in the Configuration Server."))
    display_name = Text(max_length=120, help_text=_("The person's name as others see it."))
    tenant_dbid = TenantNumber(
        source="tenant", required=False, help_text=_("Left out: the tenant of the caller's own company.")
    )
    password = Secret(
        required=False, help_text=_("The first password, where the Configuration Server keeps it.")
    )


class ChangedPerson(_Person):
    """What is to change of an external person; what is not given stays."""

    name = Text(max_length=NAME_LENGTH, required=False)
    display_name = Text(max_length=120, required=False)
    tenant_dbid = TenantNumber(source="tenant", required=False)


class PersonFilters(Strict):
    """Which external people."""

    name = Text(max_length=NAME_LENGTH, required=False, help_text=_("The whole name, in any spelling."))
    tenant_dbid = serializers.IntegerField(required=False, min_value=1, max_value=DBID_MAXIMUM)
    is_active = serializers.BooleanField(required=False)

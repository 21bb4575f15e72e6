"""What the API takes and shows of directories, and of their tests."""

from datetime import UTC, datetime
from typing import Any

from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from configserver.directory import Coding, Directory, DirectoryServer, Protocol
from configserver.engines.base import Tested
from configserver.health import Health, State, health_of
from configserver.models import Import, ImportState, ImportStep, Role, Tenant
from configserver.services.directory import BOUNDS, MOST_MAPPED, MOST_SERVERS, SECRET_LENGTH
from configserver.services.importing import Summary, summary_of
from configserver.sync import Action
from core.contacts import NAME_LENGTH
from core.fields import NO_SUCH_OBJECT, Flag, Id, Reference, Secret, Strict, Text, Uid, Whole


class MappedGroup(serializers.Serializer[Any]):
    """Whoever is in the group has the role."""

    group = serializers.CharField()
    role = Uid(source="role.uid")


class MappedTenant(serializers.Serializer[Any]):
    """Whoever has this value in the tenant attribute is of the tenant."""

    value = serializers.CharField()
    tenant = Uid(source="tenant.uid")


class ServerShown(serializers.ModelSerializer[DirectoryServer]):
    """How a server of a directory was last found."""

    class Meta:
        model = DirectoryServer
        fields = (
            "server",
            "checked_at",
            "since",
            "ok",
            "failed_step",
            "reason",
            "milliseconds",
            "certificate_expires_at",
        )
        read_only_fields = fields


class HealthShown(serializers.Serializer[Health]):
    """How a directory is as a whole, by what was last seen of its servers."""

    state = serializers.ChoiceField(
        choices=[state.value for state in State],
        help_text=_(
            "`unseen`: nobody has looked lately. `partly`: some servers do not answer; `silent`: none does."
        ),
    )
    servers = serializers.IntegerField()
    answering = serializers.IntegerField()
    failing = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True, help_text=_("Since when none answers."))
    seen_at = serializers.DateTimeField(allow_null=True)
    certificate_expires_at = serializers.DateTimeField(
        allow_null=True, help_text=_("Of the certificate that ends first.")
    )


# Plain columns, in the order in which they are shown; `name` to `servers` and the mapping stand around them.
_LINES = (
    "bind_dn", "base_dn", "user_filter", "direct_dn", "entry_attribute", "name_attribute", "email_attribute",
    "phone_attribute", "tenant_attribute", "group_base", "group_filter", "nas_identifier", "login_attribute", "import_filter",
)  # fmt: skip
_FLAGS = ("is_active", "start_tls", "nested_groups", "change_password", "rounds_are_factor")


class DirectoryShown(serializers.ModelSerializer[Directory]):
    """A directory; its secret is never shown."""

    id = Uid(source="uid")
    protocol = serializers.ChoiceField(Protocol.choices, read_only=True)
    coding = serializers.ChoiceField(Coding.choices, read_only=True)
    servers = serializers.ListField(source="server_names", child=serializers.CharField(), read_only=True)
    secret_set = serializers.SerializerMethodField(help_text=_("Whether there is a secret."))
    groups = MappedGroup(many=True, read_only=True)
    tenant_values = MappedTenant(many=True, read_only=True)
    people_tenant = Uid(source="people_tenant.uid", allow_null=True, default=None)
    seen = ServerShown(many=True, read_only=True, help_text=_("How its servers were last found."))
    health = serializers.SerializerMethodField()

    class Meta:
        model = Directory
        fields = (
            "id",
            "name",
            "protocol",
            "servers",
            "secret_set",
            *_FLAGS,
            *BOUNDS,
            "ca_certificates",
            *_LINES,
            "coding",
            "groups",
            "tenant_values",
            "people_tenant",
            "token_made_at",
            "token_used_at",
            "seen",
            "health",
        )
        read_only_fields = fields

    @extend_schema_field(HealthShown)
    def get_health(self, directory: Directory) -> Any:
        """How the directory is as a whole."""
        return HealthShown(health_of(directory, directory.seen.all(), now=timezone.now())).data

    def get_secret_set(self, directory: Directory) -> bool:
        """Whether there is a secret."""
        return bool(directory.secret.text)


class _GroupGiven(Strict):
    group = Text(max_length=500, help_text=_("DN of the group; of an identity provider its name."))
    role = Id(help_text=_("Id of a directory role."))


class _TenantGiven(Strict):
    value = Text(max_length=200, help_text=_("Value of the tenant attribute."))
    tenant = Id(help_text=_("Id of a tenant."))


class _Mapping(serializers.ListField):
    """Pairs of a text and one of our objects; the objects that the caller can see are read in one statement."""

    def __init__(self, model: type[Role | Tenant], *, of: tuple[str, str], **kwargs: Any) -> None:
        self.model, self.of = model, of
        super().__init__(**({"max_length": MOST_MAPPED, "required": False} | kwargs))

    def to_internal_value(self, data: Any) -> list[Any]:
        """The pairs; raises ValidationError."""
        text, named = self.of
        given = super().to_internal_value(data)
        uids = {one[named] for one in given}
        rows = self.context["caller"].visible(self.model).filter(uid__in=uids) if uids else ()
        found = {row.uid: row for row in rows}
        missing = {
            str(place): {named: [NO_SUCH_OBJECT]}
            for place, one in enumerate(given)
            if one[named] not in found
        }
        if missing:
            raise serializers.ValidationError(missing, code="not_found")
        return [(one[text], found[one[named]]) for one in given]


def _said(name: str) -> dict[str, Any]:
    """What the column of this name says of itself."""
    return {"required": False, "help_text": Directory._meta.get_field(name).help_text}  # type: ignore[union-attr]


class _Directory(Strict):
    secret = Secret(
        required=False,
        max_length=SECRET_LENGTH,
        allow_blank=True,
        help_text=_("Password of the service account, or shared secret. Never given back; empty: it stays."),
    )
    ca_certificates = Text(max_length=100_000, allow_blank=True, **_said("ca_certificates"))
    coding = serializers.ChoiceField(Coding.choices, **_said("coding"))
    groups = _Mapping(
        Role,
        of=("group", "role"),
        child=_GroupGiven(),
        help_text=_("Which group gives which role; the whole mapping."),
    )
    tenant_values = _Mapping(
        Tenant,
        of=("value", "tenant"),
        child=_TenantGiven(),
        help_text=_("Which value names which tenant; the whole mapping."),
    )

    people_tenant = Reference(
        Tenant,
        required=False,
        allow_null=True,
        help_text=_("To which everybody belongs whom it brings."),
    )

    def get_fields(self) -> dict[str, Any]:
        """The fields, with those that are as their columns say."""
        columns: dict[str, Any] = {name: Flag(**_said(name)) for name in _FLAGS}
        for name, (low, high) in BOUNDS.items():
            columns[name] = Whole(min_value=low, max_value=high, **_said(name))
        for name in _LINES:
            column: Any = Directory._meta.get_field(name)
            columns[name] = Text(max_length=column.max_length, allow_blank=column.blank, **_said(name))
        return super().get_fields() | columns


_ONE_WORD = RegexValidator(r"^\S+\Z", _("Write each server by itself, without spaces."))


def _servers(**more: Any) -> serializers.ListField:
    return serializers.ListField(
        child=Text(max_length=300, validators=[_ONE_WORD]),
        min_length=1,
        max_length=MOST_SERVERS,
        help_text=_("Asked in this order: ldaps://ldap.example:636, or radius.example:1812. None with SCIM."),
        **more,
    )


class NewDirectory(_Directory):
    """A directory to be added."""

    name = Text(max_length=120)
    protocol = serializers.ChoiceField(Protocol.choices)
    servers = _servers(required=False)


class ChangedDirectory(_Directory):
    """What is to change of a directory. Other servers, or another way to them, want the secret again."""

    name = Text(max_length=120, required=False)
    protocol = serializers.ChoiceField(
        Protocol.choices, required=False, help_text=_("Stays; another one is refused.")
    )
    servers = _servers(required=False)


class TestedDirectory(Strict):
    """A test of a directory as it is kept."""

    login = Text(
        max_length=NAME_LENGTH,
        required=False,
        allow_blank=True,
        default="",
        help_text=_("Looked up, and mapped; no password is checked."),
    )


class TokenMade(serializers.Serializer[Any]):
    """The bearer credential of an identity provider."""

    token = serializers.CharField(help_text=_("In this answer and nowhere else."))
    base_url = serializers.CharField(help_text=_("Entered at the identity provider with it."))


class ImportAsked(Strict):
    """An import of people."""

    dry_run = Flag(required=False, default=False, help_text=_("Only compare."))
    only_changed = Flag(
        required=False,
        default=False,
        help_text=_("Read only what changed since the last import; who is gone is not found so."),
    )
    even_if_many = Flag(
        required=False,
        default=False,
        help_text=_("Also when more people would change than the directory allows."),
    )


class StepShown(serializers.ModelSerializer[ImportStep]):
    """What an import does about one person, or why it leaves an entry alone."""

    action = serializers.ChoiceField([one.value for one in Action], read_only=True)
    fields_changed = serializers.SerializerMethodField()

    class Meta:
        model = ImportStep
        fields = ("action", "name", "fields_changed", "why")
        read_only_fields = fields

    def get_fields_changed(self, step: ImportStep) -> list[str]:
        """Their names; of somebody new all of them."""
        return sorted(step.values)


class ImportShown(serializers.Serializer[Import]):
    """An import: how it stands, its numbers, and the first of what it does."""

    id = Uid(source="uid")
    state = serializers.ChoiceField(ImportState.choices, read_only=True)
    reason = serializers.CharField(help_text=_("Why it failed."))
    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    read = serializers.IntegerField()
    created = serializers.SerializerMethodField()
    changed = serializers.SerializerMethodField()
    off = serializers.SerializerMethodField(help_text=_("Gone from the directory, and so switched off."))
    conflicts = serializers.SerializerMethodField(help_text=_("Left alone."))
    steps = serializers.SerializerMethodField(help_text=_("The first 200."))

    def _summary(self, run: Import) -> Summary:
        if not hasattr(run, "summary"):
            run.summary = summary_of(run)  # type: ignore[attr-defined]
        found: Summary = run.summary  # type: ignore[attr-defined]
        return found

    def get_created(self, run: Import) -> int:
        """How many are new."""
        return self._summary(run).created

    def get_changed(self, run: Import) -> int:
        """How many change."""
        return self._summary(run).changed

    def get_off(self, run: Import) -> int:
        """How many are gone."""
        return self._summary(run).off

    def get_conflicts(self, run: Import) -> int:
        """How many are left alone."""
        return self._summary(run).conflicts

    @extend_schema_field(StepShown(many=True))
    def get_steps(self, run: Import) -> Any:
        """What it does about whom."""
        return StepShown(run.steps.all()[:200], many=True).data


class CheckShown(serializers.Serializer[Any]):
    """One step of a test at one server."""

    step = serializers.CharField(
        help_text=_("resolve, connect, tls, bind, search, map; RADIUS: resolve, answer.")
    )
    ok = serializers.BooleanField()
    seen = serializers.CharField(help_text=_("What was seen, for people."))
    milliseconds = serializers.IntegerField()


class TestedServer(serializers.Serializer[Any]):
    """What the test of one server found, up to the first step that failed."""

    server = serializers.CharField()
    ok = serializers.BooleanField()
    certificate_expires_at = serializers.SerializerMethodField()
    checks = CheckShown(many=True, help_text=_("Empty: no time was left for this server."))

    def get_certificate_expires_at(self, tested: Tested) -> datetime | None:
        """When the certificate runs out."""
        seconds = tested.certificate_expires_at
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class FoundEntry(serializers.Serializer[Any]):
    """What the directory says of the entry of the name that was looked up."""

    display_name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()


class MappedEntry(serializers.Serializer[Any]):
    """What the mapping makes of the entry."""

    groups = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.CharField(), help_text=_("Names."))
    value = serializers.CharField(allow_null=True, help_text=_("Of the tenant attribute."))
    tenant_dbid = serializers.IntegerField(
        source="tenant.dbid", allow_null=True, default=None, help_text=_("What the value stands for.")
    )


class TrialShown(serializers.Serializer[Any]):
    """What came of a test."""

    ok = serializers.BooleanField(help_text=_("Whether every server can be used."))
    servers = TestedServer(many=True)
    found = FoundEntry(allow_null=True, help_text=_("null: no server looked the name up."))
    mapped = MappedEntry(allow_null=True)


class DirectoryFilters(Strict):
    """Which directories."""

    protocol = serializers.ChoiceField(Protocol.choices, required=False)
    is_active = serializers.BooleanField(required=False)

"""What the API takes and shows of people and sessions."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.held import name_of_holder
from accounts.models import Arrival, Session, SessionKind, User
from accounts.names import Realm
from core.contacts import NAME_LENGTH
from core.fields import Flag, Reference, References, Secret, Strict, Text, Uid, Uids
from tenants.models import Company, Kind, Role

REALMS = [(one.value, one.value) for one in Realm]


class UserShown(serializers.ModelSerializer[User]):
    """A person."""

    id = Uid(source="uid")
    realm = serializers.ChoiceField(REALMS, read_only=True)
    person = Uid(
        source="source_id", allow_null=True, help_text=_("Of an external person: the id at `persons/`.")
    )
    tenant_dbid = serializers.IntegerField(
        read_only=True, allow_null=True, help_text=_("Of an external person: as of the last sign-in.")
    )
    engine = serializers.CharField(
        read_only=True, help_text=_("What proved an external person's password: internal, ldap or radius.")
    )
    company = Uid(source="company.uid", allow_null=True)
    roles = Uids()
    came_by = serializers.ChoiceField(
        [("", ""), *Arrival.choices],
        read_only=True,
        help_text=_("How the account came to be; empty: an administrator made it, or a directory."),
    )
    came_through = serializers.CharField(
        read_only=True, help_text=_("Whose join link it was, or through which integration the person came.")
    )

    class Meta:
        model = User
        fields = (
            "id",
            "realm",
            "person",
            "tenant_dbid",
            "engine",
            "username",
            "email",
            "email_verified_at",
            "display_name",
            "phone",
            "phone_verified_at",
            "language",
            "company",
            "roles",
            "is_active",
            "must_change_password",
            "password_changed_at",
            "locked_at",
            "locked_reason",
            "last_login",
            "came_by",
            "came_through",
            "created_at",
        )
        read_only_fields = fields


class _Person(Strict):
    display_name = Text(max_length=120, help_text=_("The person's name as others see it."))
    company = Reference(
        Company,
        required=False,
        allow_null=True,
        help_text=_("Where the person belongs; null for administrators of all."),
    )
    roles = References(Role, required=False, help_text=_("Ids of roles."))
    phone = Text(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text=_("In international form, such as +49 30 1234567."),
    )
    language = Text(
        max_length=8,
        required=False,
        allow_blank=True,
        help_text=_("Of mails to this person; empty: that of the page that caused the mail."),
    )
    is_active = Flag(required=False, help_text=_("When false, the person cannot sign in."))
    must_change_password = Flag(
        required=False, help_text=_("A new password is asked for at the next sign-in.")
    )


class NewUser(_Person):
    """A person to be made here."""

    realm = serializers.ChoiceField(
        REALMS, required=False, help_text=_("Only `internal`: external people are made at `persons/`.")
    )
    email = Text(max_length=NAME_LENGTH, help_text=_("Sign-in name and address for mails."))
    password = Secret(help_text=_("The first password."))


class ChangedUser(_Person):
    """What is to change of a person; what is not given stays."""

    email = Text(max_length=NAME_LENGTH, required=False)
    display_name = Text(max_length=120, required=False)


class UserFilters(Strict):
    """Which people."""

    email = Text(max_length=NAME_LENGTH, required=False, help_text=_("The whole address, in any spelling."))
    realm = serializers.ChoiceField(REALMS, required=False)
    company = Reference(Company, required=False)
    role = Reference(Role, required=False)
    is_active = serializers.BooleanField(required=False)


class NewPassword(Strict):
    """A password that an administrator gives."""

    password = Secret()
    must_change = Flag(default=True, help_text=_("A new one is asked for at the next sign-in."))


class LockReason(Strict):
    """Why an account is locked."""

    reason = Text(max_length=200, help_text=_("For the audit and other administrators."))


class LockDown(LockReason):
    """Why everything is taken from an account, and whether what it made for others goes with it."""

    made_keys = Flag(
        required=False,
        help_text=_("Whether the API keys that it made for others end, too; those of people above you stay."),
    )


class Impersonation(Strict):
    """Why an administrator acts as a person, and whether changes are allowed."""

    reason = Text(max_length=300, help_text=_("For the audit and for the person, who is told by mail."))
    may_change = Flag(
        default=False,
        help_text=_("Whether changes are allowed; else everything can be read and nothing changed."),
    )


class ImpersonationShown(serializers.Serializer[Any]):
    """Tokens with which an administrator acts as a person."""

    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(["Bearer"])
    expires_in = serializers.IntegerField(help_text=_("Seconds that the access token lives."))
    refresh_token = serializers.CharField()
    session = serializers.UUIDField(help_text=_("Its id. To revoke one of the tokens ends it."))
    ends_at = serializers.DateTimeField(help_text=_("When it is over, whatever is refreshed."))


class Nothing(Strict):
    """No fields."""


class SessionShown(serializers.ModelSerializer[Session]):
    """A sign-in that holds or held."""

    id = Uid(source="uid")
    user = Uid(source="user.uid")
    kind = serializers.ChoiceField(SessionKind.choices, read_only=True)
    methods = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text=_("RFC 8176 values.")
    )
    held_by = serializers.SerializerMethodField(
        help_text=_(
            "Of an API key, or the token of an integration: its name; of an administrator who acts as the person: the administrator's."
        )
    )
    current = serializers.SerializerMethodField(help_text=_("Whether it is the one that asks."))

    class Meta:
        model = Session
        fields = (
            "id",
            "user",
            "kind",
            "held_by",
            "methods",
            "current",
            "created_at",
            "seen_at",
            "confirmed_at",
            "expires_at",
            "locked_at",
            "ended_at",
            "ended_reason",
            "address",
            "user_agent",
        )
        read_only_fields = fields

    def get_held_by(self, session: Session) -> str:
        """The name of the key or integration."""
        return name_of_holder(session)

    def get_current(self, session: Session) -> bool:
        """Whether it is the session of this request."""
        principal = self.context.get("caller")
        return principal is not None and principal.session.pk == session.pk


class SessionFilters(Strict):
    """Which sessions."""

    user = Reference(User, required=False)
    live = serializers.BooleanField(required=False, help_text=_("true: only those that hold."))


class CompanyNamed(serializers.Serializer[Any]):
    """A company by id and name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class IdentityUser(serializers.Serializer[Any]):
    """The person signed in."""

    id = serializers.UUIDField()
    realm = serializers.ChoiceField(REALMS)
    username = serializers.CharField()
    display_name = serializers.CharField()
    email = serializers.CharField()
    email_verified = serializers.BooleanField()
    phone = serializers.CharField()
    phone_verified = serializers.BooleanField()
    language = serializers.CharField()
    must_change_password = serializers.BooleanField()


class IdentityPrivilege(serializers.Serializer[Any]):
    """One thing that the person may do."""

    application = serializers.CharField()
    name = serializers.CharField()


class IdentityPermission(serializers.Serializer[Any]):
    """A kind of object that the person can see, and in which companies."""

    kind = serializers.ChoiceField(Kind.choices)
    everywhere = serializers.BooleanField()
    companies = serializers.ListField(child=serializers.UUIDField(), help_text=_("Empty with `everywhere`."))


class Impersonator(serializers.Serializer[Any]):
    """An administrator who acts as a person."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    reads_only = serializers.BooleanField(help_text=_("Whether nothing can be changed meanwhile."))


class IdentitySession(serializers.Serializer[Any]):
    """The session that asks."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(SessionKind.choices)
    methods = serializers.ListField(child=serializers.CharField(), help_text=_("RFC 8176 values."))
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    impersonator = Impersonator(
        allow_null=True, help_text=_("The administrator who acts as the person; null: nobody does.")
    )


class Identity(serializers.Serializer[Any]):
    """The person signed in, and what this person may do and see."""

    user = IdentityUser()
    company = CompanyNamed(allow_null=True)
    roles = serializers.ListField(child=serializers.CharField(), help_text=_("Names."))
    privileges = IdentityPrivilege(many=True)
    permissions = IdentityPermission(many=True)


class Me(Identity):
    """The same with the session that asks."""

    session = IdentitySession()

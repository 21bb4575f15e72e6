"""Forms of the administration about directories: one for each protocol, with only the fields that it knows."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from configserver.directory import Coding, Directory, Protocol
from configserver.models import Role, Tenant
from configserver.services.directory import MOST_MAPPED
from core.admin_forms import SecretField, VerbForm
from core.admin_pages import ObjectForm, OnceForm
from core.contacts import NAME_LENGTH

ARROW = "=>"
ERRORS_TOLD = 5
Pair = tuple[str, Any]


class PairsField(forms.Field):
    """Lines such as `this => that`, read into pairs; whatever is wrong with them names its line."""

    widget = forms.Textarea(attrs={"class": "vLargeTextField gh-code", "rows": 6, "spellcheck": "false"})
    form_of_line = ""

    def rows_named(self, names: set[str]) -> Mapping[str, Any]:
        """The objects on the right-hand side that there are, by what names them."""
        raise NotImplementedError

    def missing(self, name: str) -> str:
        """The sentence about one that there is not."""
        raise NotImplementedError

    def split(self, text: str) -> tuple[str, str]:
        """Left and right of the arrow; both empty where there is none."""
        left, arrow, right = text.partition(ARROW)
        return (left.strip(), right.strip()) if arrow else ("", "")

    def prepare_value(self, value: Any) -> Any:
        """Pairs as lines; what was typed stays as it was."""
        if value is None or isinstance(value, str):
            return value
        return "\n".join(f"{left} {ARROW} {right}" for left, right in value)

    def to_python(self, value: Any) -> list[Pair]:
        """The pairs, in their order."""
        text = value if isinstance(value, str) else ""
        lines = [(number, one.strip()) for number, one in enumerate(text.split("\n"), 1) if one.strip()]
        if len(lines) > MOST_MAPPED:
            raise ValidationError(_("Write at most %(most)s lines.") % {"most": MOST_MAPPED})
        split = [(number, *self.split(one)) for number, one in lines]
        known = self.rows_named({right for _number, _left, right in split if right and "\0" not in right})
        pairs, wrong = [], []
        for number, left, right in split:
            if not left or not right:
                wrong.append(self._of_line(number, _("write it as %(form)s.") % {"form": self.form_of_line}))
            elif right not in known:
                wrong.append(self._of_line(number, self.missing(right)))
            else:
                pairs.append((left, known[right]))
        if wrong:
            raise ValidationError([*wrong[:ERRORS_TOLD], *self._more(len(wrong) - ERRORS_TOLD)])
        return pairs

    def _of_line(self, number: int, sentence: str) -> str:
        return _("Line %(number)s: %(sentence)s") % {"number": number, "sentence": sentence}

    def _more(self, number: int) -> Iterable[str]:
        return [_("And %(number)s more.") % {"number": number}] if number > 0 else []


class GroupsField(PairsField):
    """Groups of the directory, and the roles that they give."""

    form_of_line = "cn=agents,ou=groups,dc=example,dc=org => Agent"

    def rows_named(self, names: set[str]) -> Mapping[str, Any]:
        """Roles by name."""
        return {role.name: role for role in Role.objects.filter(name__in=names)}

    def missing(self, name: str) -> str:
        """A role that there is not."""
        return _("there is no directory role “%(name)s”.") % {"name": name}


class TenantValuesField(PairsField):
    """Values of the tenant attribute, and the tenants that they stand for."""

    form_of_line = "Acme => 101"

    def split(self, text: str) -> tuple[str, str]:
        """A value may hold the arrow, a DBID does not."""
        left, arrow, right = text.rpartition(ARROW)
        return (left.strip(), right.strip()) if arrow else ("", "")

    def rows_named(self, names: set[str]) -> Mapping[str, Any]:
        """Tenants by DBID, as it was written."""
        numbers = {
            name: int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 11
        }
        tenants = {one.dbid: one for one in Tenant.objects.filter(dbid__in=numbers.values())}
        return {name: tenants[number] for name, number in numbers.items() if number in tenants}

    def missing(self, name: str) -> str:
        """A tenant that there is not."""
        return _("there is no tenant with the DBID %(name)s.") % {"name": name}


class ChooseProtocolForm(forms.Form):
    """What is asked first, for the rest depends on it."""

    protocol = forms.ChoiceField(
        label=__("Protocol"),
        choices=Protocol.choices,
        widget=forms.RadioSelect,
        help_text=__(
            "LDAP: a directory such as OpenLDAP or Active Directory, which can also name groups. RADIUS: a server that only says "
            "whether a password is right, and may ask for more, such as a one-time code. SCIM: an identity provider such as Okta or "
            "Entra ID, which makes and changes people and groups here by itself. A directory keeps its protocol."
        ),
    )


class DirectoryForm(VerbForm):
    """What both protocols have."""

    protocol: ClassVar[str] = ""
    helps: ClassVar[Mapping[str, Any]] = {}

    secret = SecretField()

    class Meta:
        model = Directory
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        secret = self.fields.get("secret")
        if isinstance(secret, SecretField):
            secret.tell(is_set=bool(self.instance.secret.text))
        for name, sentence in self.helps.items():
            if name in self.fields:
                self.fields[name].help_text = sentence
        for name in ("servers", "ca_certificates"):
            if name in self.fields:
                self.fields[name].widget.attrs |= {
                    "class": "vLargeTextField gh-code",
                    "rows": 3,
                    "spellcheck": "false",
                }

    def clean(self) -> dict[str, Any]:
        """A new directory is one of this protocol."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        return given if self.instance.pk else given | {"protocol": self.protocol}


class LdapForm(DirectoryForm):
    """A directory that speaks LDAP."""

    protocol = Protocol.LDAP
    helps = {
        "servers": __(
            "One a line, asked in this order, such as ldaps://ldap.example:636 or ldap://ldap.example:389. Certificate and host name "
            "are always checked."
        ),
        "connect_timeout_ms": __("Milliseconds until one server is given up: 100 to 10000."),
    }

    secret = SecretField(
        label=__("Password of the service account"),
        help_text=__(
            "Written, never shown. Empty: it stays. When servers, StartTLS, the CA certificates or the account change, it is asked for "
            "again; without a service account it is forgotten."
        ),
    )
    groups = GroupsField(
        label=__("Groups and the roles they give"),
        required=False,
        help_text=__(
            "One a line: the DN of a group, then => and the name of a directory role. A group may stand in several lines."
        ),
    )
    tenant_values = TenantValuesField(
        label=__("Values of the tenant attribute"),
        required=False,
        help_text=__(
            "One a line: a value, then => and the DBID of the tenant that it stands for. Whoever has another value belongs to no tenant."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            groups = self.instance.groups.select_related("role")
            values = self.instance.tenant_values.select_related("tenant")
            self.initial["groups"] = [(one.group, one.role.name) for one in groups]
            self.initial["tenant_values"] = [(one.value, one.tenant.dbid) for one in values]


class RadiusForm(DirectoryForm):
    """A directory that speaks RADIUS."""

    protocol = Protocol.RADIUS
    helps = {
        "servers": __(
            "One a line, asked in this order, such as radius.example:1812; an IPv6 address in brackets. Every answer has to carry a "
            "Message-Authenticator."
        ),
        "connect_timeout_ms": __("Milliseconds for one datagram, before it is sent again: 100 to 10000."),
        "coding": __(
            "How the request carries the password. CHAP only where the server knows passwords in clear text."
        ),
    }

    secret = SecretField(
        label=__("Shared secret"),
        help_text=__(
            "The one that the servers know for this portal; 32 characters or more are good. Written, never shown. Empty: it stays. When "
            "the servers change, it is asked for again."
        ),
    )
    coding = forms.ChoiceField(label=__("Password coding"), choices=Coding.choices, initial=Coding.PAP)


class ScimForm(DirectoryForm):
    """An identity provider that speaks SCIM."""

    protocol = Protocol.SCIM
    secret = None  # type: ignore[assignment]  # how a form does without a field
    groups = GroupsField(
        label=__("Groups and the roles they give"),
        required=False,
        help_text=__(
            "One a line: the name of a group at the identity provider, then => and the name of a directory role. Whoever it puts into "
            "the group has the role. A group that stands here nowhere gives nothing."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "people_tenant" in self.fields:
            self.fields["people_tenant"].required = True
        if self.instance.pk:
            self.initial["groups"] = [
                (one.group, one.role.name) for one in self.instance.groups.select_related("role")
            ]


FORMS: Mapping[str, type[DirectoryForm]] = {
    Protocol.LDAP.value: LdapForm,
    Protocol.RADIUS.value: RadiusForm,
    Protocol.SCIM.value: ScimForm,
}


class MakeTokenForm(OnceForm):
    """Whether another token is to take the place of the one there is."""

    def stamp(self) -> str:
        """When the token was made."""
        made: datetime | None = self.obj.token_made_at  # type: ignore[attr-defined]
        return made.isoformat() if made is not None else "never"


class ImportForm(ObjectForm):
    """How far an import goes."""

    dry_run = forms.BooleanField(
        label=__("Only compare"),
        required=False,
        initial=True,
        help_text=__("Tells what differs and changes nobody."),
    )
    only_changed = forms.BooleanField(
        label=__("Only what changed"),
        required=False,
        help_text=__(
            "Reads what changed since the last import. Who is gone from the directory is not found so."
        ),
    )
    even_if_many = forms.BooleanField(
        label=__("Even if many change"),
        required=False,
        help_text=__("Also when more people would change or be switched off than this directory allows."),
    )


class TrialForm(ObjectForm):
    """Whom the test looks up, if anybody."""

    login = forms.CharField(
        label=__("User name"),
        required=False,
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
        help_text=__(
            "As the directory knows it. With it, the test goes on to find the entry and tells the roles and the tenant that the mapping "
            "gives. Empty: only the connection. No password is asked for or checked."
        ),
    )

    def __init__(self, *args: Any, obj: Directory, **kwargs: Any) -> None:
        super().__init__(*args, obj=obj, **kwargs)
        if obj.protocol == Protocol.RADIUS:
            del self.fields["login"]  # RADIUS looks nobody up

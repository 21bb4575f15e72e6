"""Forms of the administration about external persons."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.forms_admin import NewPasswordField, PasswordForm
from configserver import tree, where
from configserver.contract import About
from configserver.models import Person, Role
from configserver.options import password_rules
from configserver.password_rules import sentence
from configserver.passwords import asked_for
from core.admin_forms import VerbForm
from core.admin_pages import two_lines
from tenants.settings import snapshot

if TYPE_CHECKING:
    StockField = forms.ModelMultipleChoiceField[Role]
else:
    StockField = forms.ModelMultipleChoiceField


class RolesField(StockField):
    """Roles as boxes to tick, by name."""

    widget = forms.CheckboxSelectMultiple(attrs={"class": "gh-checks"})

    def label_from_instance(self, obj: Any) -> str:
        """The name, which is all that is told of a role to who may only give it."""
        return format_html("<span>{}</span>", obj.name)


class DescribedRolesField(RolesField):
    """The same for those who see the roles themselves: each with what its people do."""

    def label_from_instance(self, obj: Any) -> str:
        """Name and description."""
        return format_html("<span>{}</span>", two_lines(obj.name, obj.description))


class PersonForm(VerbForm):
    """What can be changed about an external person."""

    class Meta:
        model = Person
        fields = (
            "name",
            "display_name",
            "email",
            "phone",
            "tenant",
            "roles",
            "external_id",
            "directory",
            "source",
            "must_change_password",
            "is_active",
        )


class AddPersonForm(PersonForm):
    """What is asked for to add an external person."""

    tenant_dbid: int | None = None  # where there is no choice of tenants; set on the class made for a request
    new_password = NewPasswordField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = _("At least 12 characters, and not easily guessed. The rules of the person's tenant hold.")
        if self.tenant_dbid is not None:
            settings = tree.settings_of(self.tenant_dbid, snapshot(None))
            asked = asked_for(password_rules(settings))
            rules = " ".join(sentence(one) for one in asked if one.rule != "no_repeats")  # there is none yet
        self.fields["new_password"].help_text = (
            _("Leave it empty where a directory proves the password, or to give one later.") + " " + rules
        )
        self.fields["must_change_password"].initial = True


class PersonPasswordForm(PasswordForm):
    """A new password for an external person."""

    def rules(self) -> list[str]:
        """Those of the person's tenant."""
        uid: UUID | None = getattr(self.obj, "uid", None)
        found = None if uid is None else where.server().about(uid, environment=snapshot(None))
        return list(found.rules) if isinstance(found, About) else []

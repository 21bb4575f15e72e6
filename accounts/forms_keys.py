"""The fields of a new API key, the same on a person's own page and in the administration."""

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.api_keys import MOST_DAYS, NAME_LENGTH
from accounts.models import ApiKey, User
from core.admin_forms import VerbForm
from core.admin_pages import two_lines
from tenants.rights import PRIVILEGES, SCOPES, Rights

USUAL_DAYS = 90
_NAME_HELP = _("What uses it, such as “nightly import”.")


def scope_choices(rights: Rights) -> list[tuple[str, str | Promise]]:
    """The scopes of which these rights have something, with what each allows."""
    return [(scope, PRIVILEGES[privilege]) for scope, privilege in SCOPES.items() if rights.has(privilege)]


def _days(**attrs: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Ends after"),
        min_value=1,
        max_value=MOST_DAYS,
        initial=USUAL_DAYS,
        help_text=_(
            "Days until it ends by itself, 1 to 366. It cannot be made longer; make another one in time."
        ),
        widget=forms.NumberInput(attrs=attrs),
    )


class OwnKeyForm(forms.Form):
    """A key for oneself."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_NAME_HELP,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    days = _days(inputmode="numeric")
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("As little as is needed. It may never do more than you may at that moment."),
    )

    def __init__(self, *args: Any, rights: Rights, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)  # noqa: S101
        scopes.choices = scope_choices(rights)


class NameForm(forms.Form):
    """Another name for a key."""

    name = forms.CharField(label=_("Name"), max_length=NAME_LENGTH)


class ApiKeyForm(VerbForm):
    """What can be changed about a key."""

    class Meta:
        model = ApiKey
        fields = ("name",)


class AddApiKeyForm(ApiKeyForm):
    """A key for oneself or somebody else."""

    # Whom and what there is to choose, the administration says for each request.
    user = forms.ModelChoiceField(
        label=_("Person"),
        required=False,
        queryset=User.objects.none(),
        help_text=_(
            "As whom it acts: best a person made for the program, with a role that allows no more. Empty: yourself."
        ),
    )
    days = _days(**{"class": "vIntegerField"})
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "gh-checks"}),
        help_text=_(
            "As little as is needed. It may never do more than its person may at that moment, and never opens the administration."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:
            self.fields["name"].help_text = _NAME_HELP


def scope_boxes(rights: Rights) -> list[tuple[str, str]]:
    """The same, as boxes of the administration show them."""
    return [
        (one, format_html("<span>{}</span>", two_lines(said, one))) for one, said in scope_choices(rights)
    ]

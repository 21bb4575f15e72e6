"""The forms of /team/."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.invite_rows import MOST_ROWS
from accounts.inviting import MOST_HOURS
from core.contacts import NAME_LENGTH, checked_email
from core.outcomes import Denied
from tenants.models import Role


class _LinkForm(forms.Form):
    def __init__(self, *args: Any, roles: Sequence[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._roles = {str(role.uid): role for role in roles}
        choices = [(uid, role.name) for uid, role in self._roles.items()]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]

    @property
    def chosen(self) -> Role:
        """The role that was chosen."""
        return self._roles[self.cleaned_data["role"]]


def _hours() -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Valid for (hours)"),
        min_value=1,
        max_value=MOST_HOURS,
        initial=MOST_HOURS,
        help_text=_("From 1 to 72. After that it has expired, to the second."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class LinkForm(_LinkForm):
    """One link."""

    role = forms.ChoiceField(
        label=_("Role"), help_text=_("What whoever joins may do; not above your own rank.")
    )
    email = forms.CharField(
        label=_("E-mail address"),
        required=False,
        max_length=NAME_LENGTH,
        help_text=_("The link is mailed there, and nobody else can use it. Empty: you pass it on yourself."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    hours = _hours()

    def clean_email(self) -> str:
        """The address without spaces around it, or none."""
        given: str = self.cleaned_data["email"]
        checked = checked_email(given) if given.strip() else ""
        if isinstance(checked, Denied):
            raise forms.ValidationError(str(checked.message))
        return checked


class ManyForm(_LinkForm):
    """Many links at once."""

    rows = forms.CharField(
        label=_("People"),
        required=False,
        help_text=_("One a line: e-mail; role; name. Role and name may be left out."),
        widget=forms.Textarea(
            attrs={"rows": 8, "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    file = forms.FileField(
        label=_("Or a CSV file"),
        required=False,
        help_text=_(
            "As a spreadsheet saves it, with or without a first line that names the columns. At most %(most)s people."
        )
        % {"most": MOST_ROWS},
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )
    role = forms.ChoiceField(label=_("Role of those without one"))
    hours = _hours()

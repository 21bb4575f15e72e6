"""Forms of the administration about applications: one field for each option that there is, by the catalogue."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as __

from cobrowse.catalogue import KINDS, TOKEN_OF, Kind
from cobrowse.models import Application
from core.admin_forms import SecretField, VerbForm
from core.admin_pages import OnceForm


class ApplicationForm(VerbForm):
    """A new application."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "company" in self.fields:
            self.fields["company"].required = False  # the verb says which, where there is only one

    class Meta:
        model = Application
        fields = ("name", "company", "type")


class OptionsForm(VerbForm):
    """The name of an application and its options; the forms of the types have a field for each."""

    class Meta:
        model = Application
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = self.instance.held()
        for kind in KINDS[self.instance.type]:
            field, option = self.fields.get(kind.field), held.get(kind.path)
            if isinstance(field, SecretField):
                field.tell(is_set=option is not None and option.is_set)
            elif field is not None:
                self.initial[kind.field] = option.value if option is not None else ""

    def clean(self) -> dict[str, Any]:
        """The name, and the options that were given another value, by their paths. An empty secret keeps the one that is kept."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        options = {
            kind.path: given[kind.field]
            for kind in KINDS[self.instance.type]
            if kind.field in given and kind.field in self.changed_data
        }
        return {"name": given.get("name", ""), "options": options}


class _LinesField(forms.CharField):
    """Lines of text, however the browser ends them."""

    widget = forms.Textarea(
        attrs={
            "class": "vLargeTextField gh-code",
            "rows": 4,
            "spellcheck": "false",
            "autocomplete": "off",
        }
    )

    def to_python(self, value: Any) -> str:
        """The lines, each without spaces around it."""
        return "\n".join(one.strip() for one in str(value or "").splitlines() if one.strip())

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lines are others."""
        return bool(self.to_python(initial) != self.to_python(data))


def _field_of(kind: Kind) -> forms.Field:
    about: dict[str, Any] = {"label": kind.path, "help_text": kind.help, "max_length": kind.longest}
    if kind.is_secret:
        return SecretField(strip=True, **about)
    if kind.is_list:
        return _LinesField(required=False, **about)
    widget = forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"})
    return forms.CharField(required=False, widget=widget, **about)


FORMS: Mapping[str, Any] = {
    application_type: type(
        f"{application_type.capitalize()}Form",
        (OptionsForm,),
        {"__doc__": OptionsForm.__doc__, **{kind.field: _field_of(kind) for kind in kinds}},
    )
    for application_type, kinds in KINDS.items()
}


class GenerateTokenForm(OnceForm):
    """Where a new token is put."""

    both = forms.BooleanField(
        required=False,
        initial=True,
        label=__("Also in the other application of the company"),
        help_text=__(
            "Both have to hold the same token. Without this, enter the token that is shown next in the other one by hand."
        ),
    )

    def stamp(self) -> str:
        """When the token was last changed."""
        held = self.obj.held().get(TOKEN_OF[self.obj.type].path)  # type: ignore[attr-defined]
        return held.changed_at.isoformat() if held is not None else "never"

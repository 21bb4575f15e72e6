"""Form fields for declared settings: an empty one takes the value that stands above."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from core.options import Option, Value


def words_of(name: str) -> str:
    """A name such as `CodeExpiryMinutes` or `password-min-length` as words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[-_]", " ", name)
    return spaced[:1].upper() + spaced[1:].lower()


def shown(option: Option, value: Value) -> str:
    """A value in words, with its unit."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return f"{option.told(value)} {option.unit}".strip() if value != "" else _("nothing")


def typed(value: Value | None) -> str:
    """A value as it stands in a field; None as an empty one."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def bounds_of(option: Option) -> str:
    """The bounds of a whole number in a sentence."""
    if option.type is not int:
        return ""
    return _("From %(low)s to %(high)s.") % {"low": option.minimum, "high": option.maximum}


def field_of(option: Option, *, above: Value, as_above: str) -> forms.Field:
    """A field for this setting; `above` is the value that an empty one takes, and `as_above` says so."""
    label = words_of(option.name.rpartition(".")[2])
    if option.type is bool:
        choices = [("", as_above), ("true", _("On")), ("false", _("Off"))]
        return forms.ChoiceField(label=label, required=False, choices=choices)
    if option.choices:
        choices = [("", as_above), *((one, one) for one in option.choices)]
        return forms.ChoiceField(label=label, required=False, choices=choices)
    if option.secret:
        # Written and never shown: what is typed is kept sealed, and an empty field keeps what there is.
        box = forms.PasswordInput(attrs={"class": "vTextField", "autocomplete": "new-password"})
        return forms.CharField(label=label, required=False, max_length=500, widget=box)
    attributes: dict[str, Any] = {"placeholder": str(above)}
    if option.type is int:
        attributes |= {"min": option.minimum, "max": option.maximum, "class": "vIntegerField"}
        return forms.CharField(
            label=label, required=False, max_length=12, widget=forms.NumberInput(attrs=attributes)
        )
    attributes["class"] = "vTextField"
    return forms.CharField(
        label=label, required=False, max_length=500, widget=forms.TextInput(attrs=attributes)
    )

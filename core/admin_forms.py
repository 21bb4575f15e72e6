"""Forms of the administration that only read, and widgets that bear nonsense."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

if TYPE_CHECKING:
    StockForm = forms.ModelForm[Any]
else:
    StockForm = forms.ModelForm


class VerbForm(StockForm):
    """A form that only reads what was given: the object stays as it is, and the rules about it are the verb's."""

    def _post_clean(self) -> None:
        pass


def _numbers(value: Any) -> list[str]:
    # The stock widgets look the chosen keys up before anybody has validated them, and fail on one that is no number.
    return [str(one) for one in value if str(one).isascii() and str(one).isdecimal()]


class Autocomplete(AutocompleteSelect):
    """One object, found by typing."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        """The chosen object, if there is one of this key."""
        return super().optgroups(name, _numbers(value), attrs)


class AutocompleteMany(AutocompleteSelectMultiple):
    """Several objects, found by typing."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        """The chosen objects, as far as there are any of these keys."""
        return super().optgroups(name, _numbers(value), attrs)

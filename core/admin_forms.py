"""Forms of the administration that only read, fields for secrets, and widgets that bear nonsense."""

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


class SecretInput(forms.PasswordInput):
    """Takes a secret; beside it stands whether one is kept, and never which."""

    template_name = "admin/widgets/secret.html"
    is_set = False

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        usual = {"class": "vTextField", "autocomplete": "new-password", "spellcheck": "false"}
        super().__init__(attrs=usual | (attrs or {}), render_value=False)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """What the template needs; a value is never part of it."""
        context = super().get_context(name, None, attrs)
        return context | {"is_set": self.is_set}


class SecretField(forms.CharField):
    """A secret that is written and never read back. Left empty, the one that is kept stays."""

    widget = SecretInput

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"required": False, "strip": False} | more)

    def tell(self, *, is_set: bool) -> None:
        """Say beside the field whether a secret is kept."""
        self.widget.is_set = is_set

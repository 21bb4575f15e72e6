"""The forms of /account/."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.contacts import NAME_LENGTH
from core.oath import ALGORITHMS
from login.forms import CodeField
from twofactor.services.factors import DIGITS
from twofactor.services.factors import NAME_LENGTH as FACTOR_NAME_LENGTH


class EmailForm(forms.Form):
    """Another address."""

    email = forms.CharField(
        label=_("New e-mail address"),
        max_length=NAME_LENGTH,
        help_text=_("It becomes the name that you sign in with."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class PhoneForm(forms.Form):
    """Another number."""

    phone = forms.CharField(
        label=_("New phone number"),
        max_length=40,
        help_text=_("In international form, such as +49 151 23456789. It has to take text messages."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )


class CodeForm(forms.Form):
    """The code that was sent."""

    code = CodeField()


class AppForm(forms.Form):
    """An authenticator app that is about to be set up."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=FACTOR_NAME_LENGTH,
        help_text=_("To tell it from others, such as “work phone”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    algorithm = forms.ChoiceField(
        label=_("Algorithm"),
        required=False,
        choices=[(one, one.replace("SHA", "SHA-")) for one in ALGORITHMS],
        help_text=_("Every app knows SHA-1. Some know no other one, and show wrong codes without a word."),
    )
    digits = forms.ChoiceField(
        label=_("Digits of a code"), required=False, choices=[(str(one), str(one)) for one in DIGITS]
    )


class FirstCodeForm(forms.Form):
    """The first code of an app."""

    code = CodeField()

    def __init__(self, *args: Any, digits: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = _("The %(digits)s digits that the app shows now.") % {
            "digits": digits
        }

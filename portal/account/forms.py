"""The forms of /account/."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.contacts import NAME_LENGTH
from login.forms import CodeField


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

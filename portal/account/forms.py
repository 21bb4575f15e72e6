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


class CodeForm(forms.Form):
    """The code that was sent."""

    code = CodeField()

"""Forms of the administration about people."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.api_keys import made_for_others
from accounts.checks import rules_in_words
from accounts.models import User
from configserver.passwords import CEILING_LENGTH
from core.admin_forms import VerbForm
from core.admin_pages import ObjectForm


class NewPasswordField(forms.CharField):
    """A new password, typed for somebody else."""

    widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"})

    def __init__(self, **more: Any) -> None:
        usual: dict[str, Any] = {"label": _("Password"), "strip": False, "max_length": CEILING_LENGTH}
        super().__init__(**usual | more)


class PersonForm(VerbForm):
    """What can be changed about a person."""

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("Not chosen")), *settings.LANGUAGES],
        help_text=_("Of mails to this person; empty: that of the page that caused the mail."),
    )

    class Meta:
        model = User
        fields = (
            "email",
            "display_name",
            "phone",
            "language",
            "company",
            "roles",
            "is_active",
            "must_change_password",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "email" in self.fields:
            self.fields["email"].required = True


class AddPersonForm(PersonForm):
    """What is asked for to add a person."""

    new_password = NewPasswordField(
        help_text=_("At least 12 characters, and not easily guessed. The rules of the person's company hold.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["must_change_password"].initial = True


class PasswordForm(ObjectForm):
    """A new password for somebody."""

    new_password = NewPasswordField()
    must_change_password = forms.BooleanField(
        label=_("The person has to choose another one at the next sign-in"),
        required=False,
        initial=True,
        help_text=_("So that nobody but the person knows the password afterwards."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = " ".join(self.rules())

    def rules(self) -> list[str]:
        """The rules that the password must keep."""
        company_id: int | None = getattr(self.obj, "company_id", None)
        return rules_in_words(company_id)


class ImpersonationForm(ObjectForm):
    """Why an administrator acts as somebody, and how far he goes."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("The person reads it in the mail about it, and it stands in the audit events."),
    )
    may_change = forms.BooleanField(
        label=_("Allow changes"),
        required=False,
        help_text=_("Without it you can look at everything and change nothing."),
    )


class LockForm(ObjectForm):
    """Why an account is locked."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("Administrators read it on the person's page, and it stands in the audit events."),
    )


class LockDownForm(LockForm):
    """Why everything is taken from an account, and whether what it made for others goes with it."""

    made_keys = forms.BooleanField(
        label=_("Revoke the API keys that it made for others, too"),
        required=False,
        help_text=_(
            "Whoever has the account may know them. Programs that use them stop at once. Those of people who stand above you stay."
        ),
    )

    def __init__(self, *args: Any, obj: Model, **kwargs: Any) -> None:
        super().__init__(*args, obj=obj, **kwargs)
        made = made_for_others(obj, now=timezone.now()).count() if isinstance(obj, User) else 0
        there_are = ngettext("There is %(n)s.", "There are %(n)s.", made) % {"n": made}
        self.fields["made_keys"].help_text = f"{there_are} {self.fields['made_keys'].help_text}"

"""One form a step: what a page shows and what JSON may hold are the same fields with the same bounds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.mode import external_is_on
from accounts.names import Realm
from configserver.passwords import CEILING_LENGTH
from core.contacts import NAME_LENGTH
from login.case import Case
from login.flow import Purpose, Step
from twofactor.methods import kind_of, name_of
from twofactor.methods.passkey_wire import read
from twofactor.models import FactorKind
from twofactor.models import Purpose as CodePurpose
from twofactor.options import SKIP
from twofactor.policy import PROVIDED, SPARE
from twofactor.services.challenges import newest

OF_OTHERS = PROVIDED  # how long their codes are is not ours to say
WITH_LETTERS = OF_OTHERS | {SPARE}
LONGEST_OF_OTHERS = 64
_NO_SPELLING = {"autocapitalize": "none", "spellcheck": "false"}


_REALMS = (
    ("", _("As the name says: with @ it is kept here, else in the directory")),
    (Realm.INTERNAL.value, _("Here")),
    (Realm.EXTERNAL.value, _("In the directory of my organisation")),
)


class UsernameForm(forms.Form):
    """Who wants in."""

    username = forms.CharField(
        label=_("E-mail address or user name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, **_NO_SPELLING}),
    )
    # Hidden while no directory is connected: there is nothing to choose. By default the name says where the account is kept.
    realm = forms.ChoiceField(
        label=_("Where is your account kept?"),
        required=False,
        choices=_REALMS,
        widget=forms.HiddenInput,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if external_is_on():
            self.fields["realm"].widget = forms.RadioSelect(choices=_REALMS)


class StepForm(forms.Form):
    """A form of one step, made for one case."""

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.case = case


class PasswordForm(StepForm):
    """The first proof."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=CEILING_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class ChallengeForm(StepForm):
    """The answer to a question of the directory."""

    answer = forms.CharField(
        label=_("Answer"),
        strip=False,
        max_length=CEILING_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        question = self.case.question
        if question is not None and question.echo:
            attrs = {"autocomplete": "one-time-code", "autofocus": True, **_NO_SPELLING}
            self.fields["answer"].widget = forms.TextInput(attrs=attrs)


class MethodForm(StepForm):
    """How to prove it."""

    method = forms.ChoiceField(label=_("How do you want to prove that it is you?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["method"] = forms.ChoiceField(
            label=self.fields["method"].label,
            choices=[(one, name_of(one)) for one in self.case.methods],
            initial=self.case.methods[0] if self.case.methods else None,
            widget=forms.RadioSelect,
        )


_CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "class": "code"}


class CodeField(forms.CharField):
    """A code; the spaces and dashes that people type between its digits are left out."""

    def __init__(self) -> None:
        super().__init__(label=_("Code"), max_length=12, widget=forms.TextInput(attrs=dict(_CODE)))

    def to_python(self, value: Any) -> str:
        """The digits alone."""
        typed = super().to_python(value) or ""
        return "".join(character for character in typed if character not in " -\u00a0")


class Forgetful(forms.PasswordInput):
    """A field that may be read while it is typed, and does not come back with what was typed: a PIN may be part of it."""

    input_type = "text"


class CodeOfOthersField(forms.CharField):
    """A code that somebody else checks: which characters belong to it is not ours to say."""

    def __init__(self, widget: type[forms.PasswordInput]) -> None:
        super().__init__(label=_("Code"), max_length=LONGEST_OF_OTHERS, widget=widget(attrs=dict(_CODE)))


def _may_be_remembered(case: Case) -> bool:
    return case.settings.text(SKIP) == "device" and case.attempt.purpose == Purpose.SIGN_IN


class CodeForm(StepForm):
    """The second proof."""

    code = CodeField()
    remember = forms.BooleanField(label=_("Do not ask again in this browser"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = kind_of(self.case.attempt.method)
        if kind in OF_OTHERS:
            hidden = kind == FactorKind.RADIUS  # where the code is a lasting PIN, as often as not
            self.fields["code"] = CodeOfOthersField(forms.PasswordInput if hidden else Forgetful)
        if kind in WITH_LETTERS:
            self.fields["code"].widget.attrs |= {"inputmode": "text", **_NO_SPELLING}
        if not _may_be_remembered(self.case):
            del self.fields["remember"]


class CredentialField(forms.Field):
    """What the browser gave for a passkey: as JSON text from a page, as an object from a program."""

    widget = forms.HiddenInput
    default_error_messages = {"invalid": _("The answer of the browser could not be read. Try again.")}

    def to_python(self, value: Any) -> str:
        """The JSON text, of a size and depth that a credential has."""
        if value in self.empty_values:
            return ""
        found = read(value) if isinstance(value, str | Mapping) else None
        if found is None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return json.dumps(found)


class PasskeyForm(StepForm):
    """A signature: the second proof, or both."""

    credential = CredentialField()
    remember = forms.BooleanField(label=_("Do not ask again in this browser"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.case.proved or not _may_be_remembered(self.case):
            del self.fields["remember"]


class EnrolForm(StepForm):
    """A first factor, turned on now: without a code something is sent, or shown for an app to read."""

    kind = forms.ChoiceField(
        label=_("What do you want to use?"),
        choices=[(kind, kind.label) for kind in (FactorKind.EMAIL, FactorKind.SMS, FactorKind.TOTP)],
        required=False,
        widget=forms.HiddenInput,
    )
    value = forms.CharField(max_length=NAME_LENGTH, required=False, widget=forms.HiddenInput)
    code = CodeField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].required = False
        if newest(self.case.codes, purpose=CodePurpose.CONTACT) is None:
            self.fields["code"].widget = forms.HiddenInput()
            choices = [(kind, FactorKind(kind).label) for kind in self.case.enrollable]
            if len(choices) > 1:
                self.fields["kind"] = forms.ChoiceField(
                    label=self.fields["kind"].label,
                    choices=choices,
                    initial=choices[0][0],
                    required=False,
                    widget=forms.RadioSelect,
                )


class NewPasswordForm(forms.Form):
    """A new password for the current one."""

    current_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=CEILING_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=1_000,  # longer than allowed, so that the sentence about the length is the rules' own
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ChangePasswordForm(StepForm, NewPasswordForm):
    """The same as a step; a mailed link takes the place of the current password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.case.attempt.purpose == Purpose.FORGOTTEN:
            del self.fields["current_password"]


class NothingForm(StepForm):
    """A step that takes no field."""


class ShortCodeForm(forms.Form):
    """The short code of a mail with a link."""

    code = CodeField()


class MailedCodeForm(StepForm, ShortCodeForm):
    """The same as a step."""


FORMS: dict[str, type[StepForm]] = {
    Step.MAILED_CODE: MailedCodeForm,
    Step.CONTINUE: NothingForm,
    Step.PASSWORD: PasswordForm,
    Step.CHALLENGE: ChallengeForm,
    Step.METHOD: MethodForm,
    Step.CODE: CodeForm,
    Step.PASSKEY: PasskeyForm,
    "resend": NothingForm,
    Step.ENROL: EnrolForm,
    Step.LOST: NothingForm,
    Step.HELP: NothingForm,
    Step.CHANGE_PASSWORD: ChangePasswordForm,
}


def first_error(form: forms.Form) -> tuple[str | None, Sequence[str]]:
    """The first field that is wrong, and its sentences."""
    for name, errors in form.errors.items():
        return (name if name != "__all__" else None), [str(error) for error in errors]
    return None, []

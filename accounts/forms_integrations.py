"""Forms of the administration about integrations and their keys."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as __

from accounts.models import Integration
from accounts.tokens.foreign_keys import ES256, LONGEST, LONGEST_KID, RS256, looks_private
from core.admin_forms import VerbForm
from core.admin_pages import ObjectForm
from core.origins import LONGEST_ORIGIN, MOST_ORIGINS

_CODE = {"class": "vLargeTextField gh-code", "spellcheck": "false", "autocomplete": "off"}


class LinesField(forms.CharField):
    """A list, each in a line."""

    widget = forms.Textarea(attrs={**_CODE, "rows": 4})

    def prepare_value(self, value: Any) -> Any:
        """The list as lines; what was typed stays as it was."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        """The lines that are not empty."""
        return [one.strip() for one in str(value or "").splitlines() if one.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lines are others."""
        return bool((initial or []) != self.to_python(data))


class IntegrationForm(VerbForm):
    """An integration; its keys are managed by verbs of their own."""

    origins = LinesField(
        required=False,
        label=__("Trusted origins"),
        max_length=MOST_ORIGINS * (LONGEST_ORIGIN + 2),
        help_text=__(
            "Sites that may show our pages in a frame and sign people in to them, one a line: such as https://desk.example.com."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "company" in self.fields:
            self.fields["company"].required = False  # the verb says which, where there is only one

    class Meta:
        model = Integration
        fields = (
            "name",
            "company",
            "preset",
            "is_active",
            "ceiling",
            "lifetime_minutes",
            "accepts_cobrowse",
            "origins",
            "jwks_url",
        )


class _NoSecrets(forms.Textarea):
    """Shows again what was typed, unless it may be a private key: that shall stand in no page."""

    def format_value(self, value: Any) -> Any:
        """The text."""
        return "" if isinstance(value, str) and looks_private(value) else super().format_value(value)


class AddKeysForm(ObjectForm):
    """Public keys to be trusted."""

    keys = forms.CharField(
        label=__("Public keys"),
        max_length=LONGEST,
        widget=_NoSecrets(attrs={**_CODE, "rows": 12, "placeholder": "-----BEGIN PUBLIC KEY-----"}),
        help_text=__(
            "PEM (public key or certificate, several one after another), a JWK or a JWKS. RSA of 2048 bits or more, P-256 or Ed25519."
        ),
    )
    kid = forms.CharField(
        label=__("Key id"),
        max_length=LONGEST_KID,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"}),
        help_text=__(
            "What the header kid of its tokens says. Empty: the id in the JWK, else the thumbprint of the key."
        ),
    )


class GenerateKeyForm(ObjectForm):
    """A pair to be generated."""

    algorithm = forms.ChoiceField(
        label=__("Algorithm"),
        choices=[
            (RS256, __("RS256: RSA of 2048 bits, which every product knows")),
            (ES256, __("ES256: P-256, short and fast")),
        ],
        initial=RS256,
        widget=forms.RadioSelect,
    )


class RemoveKeyForm(ObjectForm):
    """Which key is trusted no longer."""

    key = forms.ChoiceField(label=__("Key"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, obj: Integration, **kwargs: Any) -> None:
        super().__init__(*args, obj=obj, **kwargs)
        field: Any = self.fields["key"]
        field.choices = [(str(one.uid), f"{one.kid} · {one.algorithm}") for one in obj.keys.all()]
        if len(field.choices) == 1:
            field.initial = field.choices[0][0]

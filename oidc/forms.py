"""Forms of the administration about clients."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as __

from accounts.forms_integrations import LinesField
from core.admin_forms import VerbForm
from core.admin_pages import OnceForm
from oidc.clients import MOST_URIS
from oidc.models import Client
from oidc.protocol import LONGEST_URI, SCOPES

_LONGEST = MOST_URIS * (LONGEST_URI + 2)
WORDS = {
    "profile": __("profile: name, how the person signs in, language"),
    "email": __("email: address, and whether it is verified"),
    "phone": __("phone: number, and whether it is verified"),
    "company": __("company: its id and name"),
    "roles": __("roles: by name"),
    "privileges": __("privileges: of every application"),
    "offline_access": __("offline_access: refresh tokens, as long as the sign-in lasts"),
}


def _said(name: str) -> Any:
    """What the column of this name says of itself."""
    return Client._meta.get_field(name).help_text  # type: ignore[union-attr]


class ClientForm(VerbForm):
    """A client; its secret is made by a verb of its own."""

    redirect_uris = LinesField(
        label=__("Redirect addresses"),
        max_length=_LONGEST,
        help_text=_said("redirect_uris"),
    )
    logout_uris = LinesField(
        required=False,
        label=__("Addresses after signing out"),
        max_length=_LONGEST,
        help_text=_said("logout_uris"),
    )
    scopes = forms.MultipleChoiceField(
        label=__("Scopes"),
        required=False,
        choices=[(one, WORDS[one]) for one in SCOPES if one in WORDS],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "gh-checks"}),
        initial=["profile", "email"],
        help_text=_said("scopes"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "company" in self.fields:
            self.fields["company"].required = False

    class Meta:
        model = Client
        fields = (
            "name",
            "company",
            "is_public",
            "is_active",
            "redirect_uris",
            "logout_uris",
            "backchannel_uri",
            "scopes",
            "asks_consent",
            "needs_factor",
            "algorithm",
        )


class SecretForm(OnceForm):
    """A secret is made."""

    def stamp(self) -> str:
        """When the one was made that there is."""
        made: Any = self.obj.secret_made_at  # type: ignore[attr-defined]
        return made.isoformat() if made is not None else "0"

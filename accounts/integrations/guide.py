"""The guide of one integration: its steps, the addresses, and what its tokens say, with its own values filled in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.integrations.presets import product_of
from accounts.models import Integration
from accounts.vouching import audiences_of

Words = str | Promise


@dataclass(frozen=True, kw_only=True)
class Address:
    """Somewhere to go with a token."""

    what: Words
    value: str


def steps_of(integration: Integration) -> Sequence[Words]:
    """What is to be done, in order."""
    return product_of(integration.preset).steps


def claims_of(integration: Integration) -> Sequence[tuple[str, Words, Words]]:
    """Each claim, what it holds for this integration, and what it is for."""
    minutes = integration.lifetime_minutes
    known = product_of(integration.preset).claims
    return (
        ("iss", integration.licence_key, _("The licence key: which integration signs.")),
        ("aud", " | ".join(audiences_of(integration)), _("Whom the token is for, as one string.")),
        ("iat", _("seconds"), _("When it was signed, in whole seconds since 1970.")),
        (
            "exp",
            f"iat + {minutes * 60}",
            _("Until when it holds; at most %(minutes)s minutes after iat.") % {"minutes": minutes},
        ),
        ("sub", known.get("sub", "ada@example.com"), _("The e-mail address of the person, who is made on first use.")),
        ("displayName", known.get("displayName", "Ada"), _("Optional: the name as others see it, on one line.")),
        ("jti", "UUID", _("Needed to sign in to a page, where a token works once.")),
        ("role", '"agent" | "administrator" | null', _("Optional: with null, only the policy says what is allowed.")),
        (
            "policy",
            '{"version": 3, …}',
            _("Optional: what the token may be used for; without it, the token can only ask the API who it is."),
        ),
    )  # fmt: skip


def sample_of(integration: Integration) -> str:
    """The claims of a token that this integration could have signed when it was made, as JSON."""
    issued_at = int(integration.created_at.timestamp())
    claims: Mapping[str, Any] = {
        "iss": integration.licence_key,
        "aud": audiences_of(integration)[0],
        "iat": issued_at,
        "exp": issued_at + 60 * min(integration.lifetime_minutes, 60),
        "sub": "ada@example.com",
        "displayName": "Ada",
        "jti": "6f1c2a0e-5d0b-4a52-9c39-2f7f5f0f6a11",
        "role": "agent",
        "policy": {"version": 3, "sessions": {}},
    }
    return json.dumps(claims, indent=2)


def addresses_of(integration: Integration) -> Sequence[Address]:
    """Where its tokens are taken."""
    base, licence = str(settings.PUBLIC_URL), integration.licence_key
    return (
        Address(what=_("API, as Authorization: Bearer"), value=f"{base}/api/v1/"),
        Address(what=_("Signs in to the pages, by POST with the field token"), value=f"{base}/sso/jwt/"),
        Address(
            what=_("Frame in which a code is entered; takes the token by postMessage"),
            value=f"{base}/embed/code?license={licence}",
        ),
        Address(
            what=_("Frame of one co-browse session; takes the token by postMessage"),
            value=f"{base}/embed/session/{{id}}?license={licence}",
        ),
    )

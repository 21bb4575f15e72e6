"""What a client learns of a person, by the scopes that it was granted; always as it is now."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from accounts.rising import SECOND
from oidc.protocol import MFA, SFA

Claims = dict[str, Any]


def _profile(principal: Principal) -> Claims:
    user = principal.user
    told = {"name": user.display_name, "preferred_username": user.username, "locale": user.language}
    return {name: value for name, value in told.items() if value}


def _email(principal: Principal) -> Claims:
    user = principal.user
    return {"email": user.email, "email_verified": user.email_verified_at is not None} if user.email else {}


def _phone(principal: Principal) -> Claims:
    user = principal.user
    verified = user.phone_verified_at is not None
    return {"phone_number": user.phone, "phone_number_verified": verified} if user.phone else {}


def _company(principal: Principal) -> Claims:
    company = principal.company
    return {} if company is None else {"company": {"id": str(company.uid), "name": company.name}}


def _roles(principal: Principal) -> Claims:
    return {"roles": list(principal.role_names)}


def _privileges(principal: Principal) -> Claims:
    held = principal.rights.privileges
    return {"privileges": sorted(f"{application}: {name}" for application, name in held)}


BY_SCOPE: Mapping[str, Callable[[Principal], Claims]] = {
    "profile": _profile,
    "email": _email,
    "phone": _phone,
    "company": _company,
    "roles": _roles,
    "privileges": _privileges,
}
TOLD = {
    "profile": _("Your name, how you sign in, and your language"),
    "email": _("Your e-mail address"),
    "phone": _("Your phone number"),
    "company": _("Your company"),
    "roles": _("Your roles"),
    "privileges": _("What you may do"),
    "offline_access": _("All of it also while you do something else, until your sign-in here ends"),
}  # as people read it
# What discovery says of them.
NAMES = (
    "sub", "name", "preferred_username", "locale", "email", "email_verified", "phone_number", "phone_number_verified", "company", "roles",
    "privileges", "auth_time", "acr", "amr", "sid", "nonce",
)  # fmt: skip


def claims_of(principal: Principal, scope: Collection[str]) -> Claims:
    """The claims of this person for these scopes."""
    found: Claims = {"sub": str(principal.user.uid)}
    for name, told in BY_SCOPE.items():
        if name in scope:
            found |= told(principal)
    return found


def is_by_factor(methods: Collection[str]) -> bool:
    """Whether a second factor was given in a session of these methods (RFC 8176)."""
    return not SECOND.isdisjoint(methods)


def context_class(methods: Collection[str]) -> str:
    """How the person proved who it is, as an authentication context class."""
    return MFA if is_by_factor(methods) else SFA

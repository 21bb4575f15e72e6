"""How a client says who it is at the token endpoint and where it asks about tokens (RFC 6749, 2.3.1): by secret, in one of two places."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.authentication import OwnSignIn
from accounts.tokens.revoke import ClientAsker
from core import entropy
from oidc.authorizing import client_named
from oidc.models import Client

SECRET = "client"  # noqa: S105  # the kind of secret
LONGEST = 500
BASIC = 'Basic realm="Gatehouse"'  # what a 401 asks a client for


def fingerprint_of(secret: str) -> str:
    """What is kept of a client's secret: it has 256 random bits, so no slow hash is needed."""
    return entropy.fingerprint(secret, purpose=SECRET)


def client_of(request: HttpRequest, given: Mapping[str, str]) -> Client | None:
    """The client that this request comes from, by the header Authorization or the body; None for none, or more than one way at once.

    Tries are not counted: a secret has 256 bits, and whoever could use the tries up would lock the client out.
    """
    named = _named(request, given)
    if named is None:
        return None
    client_id, secret = named
    client = client_named(client_id)
    if client is None:
        return None
    kept = "" if client.is_public else client.secret
    prints = entropy.fingerprints(secret[:LONGEST], purpose=SECRET)
    matches = [entropy.same(one, kept) for one in prints]  # all, so that the time does not tell which
    if client.is_public and not secret and "HTTP_AUTHORIZATION" not in request.META:
        return client
    return client if kept and True in matches else None


def _named(request: HttpRequest, given: Mapping[str, str]) -> tuple[str, str] | None:
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return given.get("client_id", ""), given.get("client_secret", "")
    scheme, _space, text = header.partition(" ")
    if scheme.lower() != "basic" or "client_secret" in given or len(text) > 2 * LONGEST:
        return None
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    client_id = unquote_plus(name)
    if not colon or given.get("client_id", client_id) != client_id:
        return None
    return client_id, unquote_plus(secret)


class ClientCredentials(BaseAuthentication):
    """Lets a client ask about its own tokens, and end them (RFC 7662, 2.1; RFC 7009, 2.1); any other header is left to who comes next."""

    def authenticate(self, request: Request) -> tuple[Any, ClientAsker] | None:
        """The client as the one who asks."""
        if not request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("basic "):
            return None
        client = client_of(request._request, {})
        if client is None:
            raise AuthenticationFailed(
                _("The id or secret of the client does not hold."), code="invalid_client"
            )
        return client, ClientAsker(client_id=client.client_id)

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return BASIC


class MayAsk(OwnSignIn):
    """Lets in a client that has said who it is, beside whoever else may."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether this caller may use this view at all."""
        return isinstance(request.auth, ClientAsker) or super().has_permission(request, view)

"""The three doors of tokens, and the keys to check them with."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.tokens.keys import key_set
from accounts.tokens.refresh import refresh
from accounts.tokens.revoke import ClientAsker, introspect, revoke
from core.api import caller
from core.fields import MadeOnce, Opaque, Text
from core.http import client_address
from core.parsers import FormBody, JsonBody
from core.refusals import settled

LONGEST = 10_000


class _Token(MadeOnce):
    """A token; as RFC 7009 and RFC 7662 ask, a field that we do not know is passed over."""

    token = Opaque(max_length=LONGEST)
    token_type_hint = Text(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text=_("Not needed: what it is shows in the token."),
    )


class RevokedToken(_Token):
    """The token to revoke."""


class IntrospectedToken(_Token):
    """The token to ask about."""


class SpentToken(MadeOnce):
    """A refresh token, which works once."""

    refresh_token = Opaque(max_length=LONGEST)
    grant_type = serializers.ChoiceField(["refresh_token"], required=False)


class TokenPairShown(serializers.Serializer[Any]):
    """A new pair of tokens (RFC 6749, 5.1)."""

    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(["Bearer"])
    expires_in = serializers.IntegerField(help_text=_("Seconds that the access token lives."))
    refresh_token = serializers.CharField()


class Introspection(serializers.Serializer[Any]):
    """What a token says (RFC 7662, 2.2); of one that does not hold, only `active`: false."""

    active = serializers.BooleanField()
    token_type = serializers.ChoiceField(["Bearer", "refresh_token", "api_key"], required=False)
    iss = serializers.CharField(required=False)
    aud = serializers.CharField(required=False)
    sub = serializers.UUIDField(required=False, help_text=_("Id of the person."))
    username = serializers.CharField(required=False)
    sid = serializers.UUIDField(required=False, help_text=_("Id of the session."))
    act = serializers.DictField(
        child=serializers.UUIDField(),
        required=False,
        help_text=_("Who acts as the person (RFC 8693, 4.1): `sub` is the administrator's id."),
    )
    jti = serializers.CharField(required=False)
    iat = serializers.IntegerField(required=False)
    exp = serializers.IntegerField(required=False)
    scope = serializers.CharField(
        required=False, help_text=_("Of an API key: its scopes, with spaces between them.")
    )


def _given(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


class _Door(APIView):
    parser_classes = (JsonBody, FormBody)


class _OpenDoor(_Door):
    # Whoever holds the token may spend or revoke it; an access token that has run out beside it must not stop that.
    authentication_classes = ()
    permission_classes = (AllowAny,)


class Refresh(_OpenDoor):
    """Exchange a refresh token for a new pair."""

    reads = TokenPairShown
    bodies = {"post": SpentToken}
    may_refuse = True

    def post(self, request: Request) -> Response:
        """A new access token and the next refresh token. A second use of a refresh token ends the session."""
        token = _given(SpentToken, request)["refresh_token"]
        address = client_address(request._request)
        return Response(settled(refresh(token, address=address, now=timezone.now())))


class Revoke(_OpenDoor):
    """Revoke an access or refresh token, or an API key."""

    reads = None
    bodies = {"post": RevokedToken}
    empty_status = 200

    def post(self, request: Request) -> Response:
        """End the session of this token, or this API key; a client that says who it is ends its own alone. The answer is the same for any
        text (RFC 7009, 2.2)."""
        token = _given(RevokedToken, request)["token"]
        asker = request.auth if isinstance(request.auth, ClientAsker) else None
        revoke(token, asker=asker, address=client_address(request._request), now=timezone.now())
        return Response({})


class Introspect(_Door):
    """Ask whether a token holds."""

    reads = Introspection
    bodies = {"post": IntrospectedToken}
    for_programs = True

    def post(self, request: Request) -> Response:
        """What a token says: one of the caller's own session, or by privilege one of a person in reach."""
        token = _given(IntrospectedToken, request)["token"]
        asker: Any = request.auth if isinstance(request.auth, ClientAsker) else caller(request)
        address = client_address(request._request)
        return Response(introspect(token, asker=asker, address=address, now=timezone.now()))


@require_safe
def jwks(_request: HttpRequest) -> JsonResponse:
    """The public keys of our tokens (RFC 7517)."""
    response = JsonResponse(key_set(now=timezone.now()), content_type="application/jwk-set+json")
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"  # programs in browsers check tokens, too
    return response

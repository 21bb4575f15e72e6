"""The door through which our pages inside other sites sign in."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.embedding import sign_in_embedded
from accounts.serializers import CompanyNamed
from accounts.sessions import Client
from accounts.tokens.api import TokenPairShown
from accounts.tokens.foreign import LONGEST
from core.api import body
from core.fields import Secret, Strict, Text
from core.http import client_address, user_agent
from core.origins import LONGEST_ORIGIN
from core.refusals import settled


class HandedOver(Strict):
    """A token that a site handed over, and which site."""

    token = Secret(max_length=LONGEST, help_text=_("Of the integration; it works once."))
    origin = Text(
        max_length=LONGEST_ORIGIN,
        trim_whitespace=False,
        help_text=_("The site from which the token came, such as https://desk.example.com."),
    )


class EmbeddedPerson(serializers.Serializer[Any]):
    """Who is signed in."""

    id = serializers.UUIDField(source="uid")
    username = serializers.CharField()
    display_name = serializers.CharField()


class EmbeddedShown(TokenPairShown):
    """The tokens of the session that began, and whose it is."""

    user = EmbeddedPerson()
    company = CompanyNamed(allow_null=True)


class EmbeddedSignIn(APIView):
    """Sign in inside a page of a trusted site."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    reads = EmbeddedShown
    bodies = {"post": HandedOver}
    may_refuse = True

    def post(self, request: Request) -> Response:
        """Begin a session by a token of an integration that a trusted site handed to our page (`/embed/`). Its id is spent by it."""
        given = body(request, HandedOver)
        client = Client(address=client_address(request._request), user_agent=user_agent(request._request))
        begun = settled(
            sign_in_embedded(given["token"], origin=given["origin"], client=client, now=timezone.now())
        )
        user = begun.session.user
        company = None if user.company is None else {"id": user.company.uid, "name": user.company.name}
        return Response({**begun.pair, "user": EmbeddedPerson(user).data, "company": company})

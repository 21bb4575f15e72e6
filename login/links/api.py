"""Mailed links over REST: asking for one, and using it."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.names import realm_of
from audit.record import Origin
from core.contacts import NAME_LENGTH
from core.fields import Opaque, Plain, Strict, Text
from core.refusals import Refused, settled
from login.answers import REFUSALS, NextStepSerializer, OpenDoor, answer_of
from login.edge import client_of
from login.flow import Purpose
from login.links import magic, mailed
from twofactor.services.lost import end_by_link

TOKEN_LENGTH = 2_000


class ForgottenSerializer(Strict):
    """For whom a link is asked."""

    username = Text(max_length=NAME_LENGTH)


class MagicLinkSerializer(Strict):
    """Where a link to sign in goes."""

    email = Text(max_length=NAME_LENGTH)
    join = Text(
        max_length=TOKEN_LENGTH,
        required=False,
        help_text="The token of an invitation (`/join/<token>/`), to join by it.",
    )
    display_name = Text(
        max_length=magic.NAME_LENGTH, required=False, help_text="Of somebody new, with `join`."
    )


class SignUpSerializer(Strict):
    """Who wants an account."""

    email = Text(max_length=NAME_LENGTH)
    display_name = Text(max_length=magic.NAME_LENGTH, required=False)
    company = serializers.UUIDField(
        required=False,
        help_text="Where; without it the one company that lets this address sign up, if there is one.",
    )


class ConsumeSerializer(Plain):
    """A mailed link, with the handle of who asked or the short code of the mail."""

    token = Opaque(max_length=TOKEN_LENGTH)
    handle = Opaque(max_length=200, required=False)
    code = Opaque(max_length=12, required=False)


class RecoveryTokenSerializer(Strict):
    """The link of the mail."""

    token = Opaque(max_length=200)


class HandleSerializer(serializers.Serializer[Any]):
    """The handle of who asked."""

    handle = serializers.CharField(
        help_text="Also takes the short code alone: `POST login/mailed-code/` with `handle` and `code`."
    )


def _asked(opened: Any) -> Response:
    return Response({"handle": settled(opened)[1]}, status=202)


class ForgottenView(OpenDoor):
    """Ask for a link to set a new password."""

    @extend_schema(
        operation_id="login_forgotten",
        summary="Ask for a link to set a new password",
        request=ForgottenSerializer,
        responses={202: HandleSerializer, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """Whoever has the name gets a mail, if a verified address is known; the answer is the same for every name."""
        given = ForgottenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        name = given.validated_data["username"]
        return _asked(
            mailed.ask(
                Purpose.FORGOTTEN,
                name,
                realm=realm_of(name),
                by_page=False,
                client=client_of(request._request),
                now=timezone.now(),
            )
        )


class MagicLinkView(OpenDoor):
    """Ask for a link to sign in."""

    @extend_schema(
        operation_id="login_magic_link",
        summary="Ask for a link to sign in, or to join by an invitation",
        request=MagicLinkSerializer,
        responses={202: HandleSerializer, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """A mail goes to the verified address of an account, or with an invitation to the address given; the answer is always the same."""
        given = MagicLinkSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        client, now = client_of(request._request), timezone.now()
        return _asked(magic.ask_to_sign_in(**given.validated_data, by_page=False, client=client, now=now))


class RegisterView(OpenDoor):
    """Ask for an account."""

    @extend_schema(
        operation_id="register",
        summary="Sign up",
        request=SignUpSerializer,
        responses={202: HandleSerializer, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """A mail goes to the address where a company lets it sign up, or where it has an account already; the answer is always the same."""
        given = SignUpSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        client, now = client_of(request._request), timezone.now()
        return _asked(magic.ask_to_sign_up(**given.validated_data, by_page=False, client=client, now=now))


class EndRecoveryView(OpenDoor):
    """End the replacing of a second factor."""

    @extend_schema(
        operation_id="login_recovery_end",
        summary="End, by the link of the mail, that a lost second factor is replaced",
        request=RecoveryTokenSerializer,
        responses={204: None, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """Whoever has the mail ends it: the second factor stays. Nothing to end: 409 `nothing_changed`."""
        given = RecoveryTokenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        client, now = client_of(request._request), timezone.now()
        origin = Origin(address=client.address)
        denied = end_by_link(given.validated_data["token"], origin=origin, now=now)
        if denied is not None:
            raise Refused(denied)
        return Response(status=204)


class _ConsumeView(OpenDoor):
    purpose: Purpose

    def _use(self, request: Request) -> Response:
        given = ConsumeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        answer, handle = mailed.consume(
            values["token"],
            purpose=self.purpose,
            handle=values.get("handle", ""),
            code=values.get("code", ""),
            by_page=False,
            client=client_of(request._request),
            now=timezone.now(),
        )
        return answer_of(answer, handle=handle)


class ConsumeForgottenView(_ConsumeView):
    """Use the link for a new password."""

    purpose = Purpose.FORGOTTEN

    @extend_schema(
        operation_id="login_forgotten_consume",
        summary="Use the link of a mail for a new password",
        request=ConsumeSerializer,
        responses={200: NextStepSerializer, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """With the handle of who asked, or in another client with the short code; the token alone is refused. Works once."""
        return self._use(request)


class ConsumeMagicLinkView(_ConsumeView):
    """Use the link to sign in."""

    purpose = Purpose.LINK

    @extend_schema(
        operation_id="login_magic_link_consume",
        summary="Use the link of a mail to sign in",
        request=ConsumeSerializer,
        responses={200: NextStepSerializer, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """With the handle of who asked, or in another client with the short code; the token alone is refused. Works once."""
        return self._use(request)

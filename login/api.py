"""Signing in over REST: the same steps, fields and refusals as the pages."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.names import Realm
from accounts.sessions import Client
from core.contacts import NAME_LENGTH
from core.fields import Flag, Plain, Secret, Text
from core.refusals import Refused, settled
from login.answers import PROBLEM, REFUSALS, NextStepSerializer, OpenDoor, answer_of
from login.edge import client_of
from login.links.confirming import begin_to_confirm
from login.models import Attempt
from login.refusals import EXPIRED
from login.service import (
    begin,
    begin_with_passkey,
    find,
    first_options,
    first_step,
    goes_by_passkey,
    submit,
)
from twofactor.serializers import CredentialField


class BeginSerializer(Plain):
    """Who wants in."""

    username = Text(max_length=NAME_LENGTH, required=False, help_text="Left out only with passkey.")
    passkey = Flag(required=False, help_text="true: a passkey says who it is; no name goes with it.")
    realm = serializers.ChoiceField(
        choices=[one.value for one in Realm],
        required=False,
        help_text="Where the account is kept; by default a name with @ is internal, any other external. One realm only is ever tried.",
    )

    def validate(self, attrs: Any) -> Any:
        """A name, or a passkey; raises ValidationError."""
        by_passkey = attrs.get("passkey", False)
        if by_passkey and attrs.keys() & {"username", "realm"}:
            raise serializers.ValidationError(
                {"passkey": [_("A passkey says itself who it is; send no name.")]}
            )
        if not by_passkey and "username" not in attrs:
            raise serializers.ValidationError({"username": [_("This field is required.")]})
        return attrs


class ConfirmSerializer(Plain):
    """How to confirm."""

    passkey = Flag(required=False, help_text="true: by one of one's passkeys, where there is one.")


class BegunSerializer(serializers.Serializer[Any]):
    """A sign-in under way."""

    handle = serializers.CharField(help_text="Secret of this sign-in; send it with every step.")
    step = serializers.ChoiceField(choices=["password", "passkey", "mailed-code"])
    expires_at = serializers.DateTimeField()
    options = serializers.DictField(
        required=False, help_text="Step passkey: for `PublicKeyCredential.parseRequestOptionsFromJSON`."
    )


class StepSerializer(Plain):
    """The fields of a step; each step reads its own."""

    handle = Text(max_length=200)
    password = Secret(required=False, help_text="Step password.")
    answer = Secret(required=False, help_text="Step challenge: the answer to the prompt.")
    method = Text(required=False, help_text="Step method: the id of one of the methods.")
    code = Text(required=False, help_text="Steps code, mailed-code and enrol, spaces and dashes left out.")
    credential = CredentialField(
        required=False, help_text="Step passkey: as `toJSON()` of the browser's credential gives it."
    )
    remember = Flag(
        required=False, help_text="Steps code and passkey: let this browser stand for the second factor."
    )
    kind = Text(required=False, help_text="Step enrol: which of those offered: email, sms or totp.")
    value = Text(
        required=False, help_text="Step enrol: the address or number; only the account's own can be verified."
    )
    current_password = Secret(required=False, help_text="Step change-password.")
    new_password = Secret(required=False, help_text="Step change-password.")


def _begun(attempt: Attempt, handle: str, *, client: Client, now: datetime) -> Response:
    told: dict[str, Any] = {
        "handle": handle,
        "step": first_step(attempt).value,
        "expires_at": attempt.expires_at.isoformat(),
    }
    if attempt.by_passkey:
        told |= {"options": first_options(attempt, client=client, now=now)}
    return Response(told, status=201)


class BeginView(OpenDoor):
    """Begin."""

    @extend_schema(
        operation_id="login_begin",
        summary="Begin a sign-in",
        request=BeginSerializer,
        responses={201: BegunSerializer, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """Begin a sign-in for a name, or with `passkey` without one. The answer is the same whether or not somebody has the name."""
        given = BeginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        client, now = client_of(request._request), timezone.now()
        if given.validated_data.get("passkey"):
            begun = begin_with_passkey(by_page=False, client=client, now=now)
        else:
            begun = begin(
                given.validated_data["username"],
                realm=given.validated_data.get("realm", ""),
                by_page=False,
                client=client,
                now=now,
            )
        return _begun(*settled(begun), client=client, now=now)


class StepView(OpenDoor):
    """Take one step."""

    @extend_schema(
        operation_id="login_step",
        summary="Take one step of a sign-in",
        request=StepSerializer,
        responses={200: NextStepSerializer, **REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request, step: str) -> Response:
        """Send the fields of the step that was asked for; the answer names the next one, or at `done` holds the tokens."""
        given = StepSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        case = find(
            fields.pop("handle"), by_page=False, client=client_of(request._request), now=timezone.now()
        )
        if case is None:
            raise Refused(EXPIRED)
        answer = submit(case, step, fields)
        return answer_of(answer)


class ConfirmView(APIView):
    """Confirm again who holds the session, before something sensitive."""

    @extend_schema(
        operation_id="me_confirm",
        summary="Begin to confirm who you are",
        request=ConfirmSerializer,
        responses={201: BegunSerializer, 400: PROBLEM, 401: PROBLEM, 429: PROBLEM},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        """The steps are those of a sign-in; at `done` sensitive changes are open for ten minutes."""
        given = ConfirmSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        session = request.principal.session  # type: ignore[attr-defined]
        client, now = client_of(request._request), timezone.now()
        begun = settled(
            begin_to_confirm(
                session,
                by_page=False,
                client=client,
                now=now,
                by_passkey=given.validated_data.get("passkey", goes_by_passkey(session)),
            )
        )
        return _begun(*begun, client=client, now=now)

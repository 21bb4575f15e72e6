"""Signing in over REST: the same steps, fields and refusals as the pages."""

from datetime import datetime
from typing import Any, NoReturn

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.describe import identity
from accounts.middleware import set_browser_cookie, set_session_cookie
from accounts.models import SessionKind
from accounts.names import Realm
from accounts.principal import principal_at_start
from accounts.serializers import Identity
from accounts.sessions import Client
from core.contacts import NAME_LENGTH
from core.fields import Flag, Plain, Secret, Strict, Text
from core.outcomes import Denied
from core.refusals import Refused, settled
from login.case import Case
from login.edge import client_of
from login.flow import Step
from login.links import forgotten
from login.models import Attempt
from login.pages import told_sentences
from login.refusals import EXPIRED
from login.service import (
    Answer,
    begin,
    begin_confirmation,
    begin_with_passkey,
    describe,
    find,
    first_options,
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
    step = serializers.ChoiceField(choices=["password", "passkey"])
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
    code = Text(required=False, help_text="Steps code and enrol, spaces and dashes left out.")
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


class MethodSerializer(serializers.Serializer[Any]):
    """A way to prove it."""

    id = serializers.CharField()
    kind = serializers.CharField()
    label = serializers.CharField(
        help_text="The address or number, masked, or what a service calls its way; else empty."
    )  # type: ignore[assignment]


class EnrolSerializer(serializers.Serializer[Any]):
    """What can be turned on now."""

    kind = serializers.CharField()
    value = serializers.CharField(help_text="The address or number; empty for an app.")


class NextStepSerializer(Identity):
    """What is asked for next, or at `done` what was gained: tokens, and who is signed in. Only what belongs to the step is there."""

    step = serializers.ChoiceField(choices=[one.value for one in Step if one is not Step.DENIED])
    expires_at = serializers.DateTimeField(help_text="When this sign-in ends, whatever is done in it.")
    handle = serializers.CharField(help_text="A new handle, after a link was used.")
    prompt = serializers.CharField(
        help_text="Step challenge: what the directory asks, in its own words. Step code: what to do for a code that is not sent."
    )
    echo = serializers.BooleanField(
        help_text="Step challenge: whether the answer may be seen while it is typed."
    )
    notices = serializers.ListField(
        child=serializers.CharField(), help_text="At `done`: what the directory says of the password."
    )
    methods = MethodSerializer(many=True)
    method = MethodSerializer()
    options = serializers.DictField(
        allow_null=True,
        help_text="Step passkey: for `parseRequestOptionsFromJSON`; null when it took too long, then send `resend`.",
    )
    enrol = EnrolSerializer(many=True)
    secret = serializers.CharField(help_text="Step enrol, with an app: the key to type into it.")
    otpauth_url = serializers.CharField(help_text="Step enrol, with an app: the same for a QR code.")
    sent_to = serializers.CharField(allow_null=True)
    code_expires_at = serializers.DateTimeField(allow_null=True)
    sends_left = serializers.IntegerField()
    checks_left = serializers.IntegerField(allow_null=True)
    delivery = serializers.ChoiceField(
        choices=["queued", "late", "sent", "delivered", "failed"], allow_null=True
    )
    rules = serializers.ListField(child=serializers.CharField())
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    refresh_token = serializers.CharField()
    confirmed_at = serializers.DateTimeField(help_text="After a confirmation, which gives no tokens.")

    def get_fields(self) -> dict[str, Any]:
        """The fields; none but `step` is always there."""
        fields: dict[str, Any] = super().get_fields()
        for name, field in fields.items():
            field.required = name == "step"
        return fields


class ConsumeSerializer(Strict):
    """A mailed link, with the handle of who asked or the short code of the mail."""

    token = Text(max_length=200)
    handle = Text(max_length=200, required=False)
    code = Text(max_length=12, required=False)


class ForgottenSerializer(Strict):
    """For whom a link is asked."""

    username = Text(max_length=NAME_LENGTH)


class HandleSerializer(serializers.Serializer[Any]):
    """The handle of who asked."""

    handle = serializers.CharField()


_PROBLEM = OpenApiResponse(description="Refused: an RFC 9457 problem with a stable `code`.")
_REFUSALS = dict.fromkeys((400, 401, 409, 429, 503), _PROBLEM)


class OpenDoor(APIView):
    """A door that needs no session; a bearer or cookie that comes along is not looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def _refuse(case: Case | None, denied: Denied) -> NoReturn:
    raise Refused(denied, **(describe(case) if case is not None and case.attempt.ended_at is None else {}))


def _answer(answer: Answer, *, handle: str = "") -> Response:
    """The next step, what was gained, or why it was refused."""
    if answer.finished is not None and answer.case is not None:
        response = Response(_gained(answer.case, answer))
        if answer.finished.session.kind == SessionKind.PAGE:
            # A page confirmed over the API: its session has a new secret now.
            set_session_cookie(response, answer.finished.secret)
        if answer.finished.browser_token:
            set_browser_cookie(response, answer.finished.browser_token)
        return response
    if answer.denied is not None:
        _refuse(answer.case, answer.denied)
    if answer.case is None:
        _refuse(None, EXPIRED)
    return Response(describe(answer.case) | ({"handle": handle} if handle else {}))


def _gained(case: Case, answer: Answer) -> dict[str, Any]:
    if answer.finished is None:
        raise LookupError("nothing was gained")
    if answer.finished.tokens is None:
        return {"step": Step.DONE.value, "confirmed_at": case.now.isoformat()}
    principal = principal_at_start(answer.finished.session, roles=case.roles, since=case.since)
    notices = told_sentences(case)
    gained = {"step": Step.DONE.value, **answer.finished.tokens, **identity(principal)}
    return gained | ({"notices": notices} if notices else {})


def _begun(attempt: Attempt, handle: str, *, client: Client, now: datetime) -> Response:
    told: dict[str, Any] = {
        "handle": handle,
        "step": Step.PASSWORD.value,
        "expires_at": attempt.expires_at.isoformat(),
    }
    if attempt.by_passkey:
        told |= {"step": Step.PASSKEY.value, "options": first_options(attempt, client=client, now=now)}
    return Response(told, status=201)


class BeginView(OpenDoor):
    """Begin."""

    @extend_schema(
        operation_id="login_begin",
        summary="Begin a sign-in",
        request=BeginSerializer,
        responses={201: BegunSerializer, **_REFUSALS},
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
        responses={200: NextStepSerializer, **_REFUSALS},
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
        return _answer(answer)


class ForgottenView(OpenDoor):
    """Ask for a link to set a new password."""

    @extend_schema(
        operation_id="login_forgotten",
        summary="Ask for a link to set a new password",
        request=ForgottenSerializer,
        responses={202: HandleSerializer, **_REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """Whoever has the name gets a mail, if a verified address is known; the answer is the same for every name."""
        given = ForgottenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = forgotten.ask(
            given.validated_data["username"],
            by_page=False,
            client=client_of(request._request),
            now=timezone.now(),
        )
        return Response({"handle": settled(asked)[1]}, status=202)


class ConsumeView(OpenDoor):
    """Use a mailed link."""

    @extend_schema(
        operation_id="login_forgotten_consume",
        summary="Use the link of a mail",
        request=ConsumeSerializer,
        responses={200: NextStepSerializer, **_REFUSALS},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        """With the handle of who asked, or in another client with the short code; the token alone is refused. Works once."""
        given = ConsumeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        answer, handle = forgotten.consume(
            values["token"],
            handle=values.get("handle", ""),
            code=values.get("code", ""),
            by_page=False,
            client=client_of(request._request),
            now=timezone.now(),
        )
        return _answer(answer, handle=handle)


class ConfirmView(APIView):
    """Confirm again who holds the session, before something sensitive."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="me_confirm",
        summary="Begin to confirm who you are",
        request=ConfirmSerializer,
        responses={201: BegunSerializer, 400: _PROBLEM, 401: _PROBLEM, 429: _PROBLEM},
        tags=["me"],
    )
    def post(self, request: Request) -> Response:
        """The steps are those of a sign-in; at `done` sensitive changes are open for ten minutes."""
        given = ConfirmSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        session = request.principal.session  # type: ignore[attr-defined]
        client, now = client_of(request._request), timezone.now()
        begun = settled(
            begin_confirmation(
                session,
                by_page=False,
                client=client,
                now=now,
                by_passkey=given.validated_data.get("passkey", goes_by_passkey(session)),
            )
        )
        return _begun(*begun, client=client, now=now)

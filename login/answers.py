"""What a step answers over REST: the next step, what was gained, or why it was refused."""

from typing import Any, NoReturn

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.describe import identity
from accounts.middleware import set_browser_cookie, set_session_cookie
from accounts.models import SessionKind
from accounts.principal import principal_at_start
from accounts.serializers import Identity
from core.outcomes import Denied
from core.refusals import Refused
from login.case import Case
from login.flow import Step
from login.pages import told_sentences
from login.refusals import EXPIRED
from login.service import Answer, describe


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
    status = serializers.ChoiceField(
        choices=["not_asked", "waiting", "half_confirmed"],
        help_text="Step help: how it stands. POST the step once to ask, and again to see how it stands.",
    )
    number = serializers.CharField(
        help_text="Step help: what the person reads out to the administrator, once help was asked for."
    )
    recovery_due_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Beside the second proof, after a password: from when on a code to another verified address stands for a lost factor.",
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


PROBLEM = OpenApiResponse(description="Refused: an RFC 9457 problem with a stable `code`.")
REFUSALS = dict.fromkeys((400, 401, 409, 429, 503), PROBLEM)


class OpenDoor(APIView):
    """A door that needs no session; a bearer or cookie that comes along is not looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def _refuse(case: Case | None, denied: Denied) -> NoReturn:
    told = describe(case) if case is not None and case.attempt.ended_at is None else {}
    told.pop("status", None)  # of a problem it is the status of HTTP (RFC 9457)
    raise Refused(denied, **told)


def answer_of(answer: Answer, *, handle: str = "") -> Response:
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

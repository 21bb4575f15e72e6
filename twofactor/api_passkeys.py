"""One's own passkeys over REST: begun and made (`me/passkeys/`). They are listed and removed as factors (`me/factors/`)."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Session, User
from accounts.principal import Principal
from accounts.sessions import refuse_unconfirmed
from core.api import actor, body, caller
from core.refusals import Refused, settled
from twofactor.serializers_passkey import MadePasskey, NewPasskey, PasskeyAsked, PasskeyShown
from twofactor.services.factors import TOO_LATE
from twofactor.services.passkeys import begin_passkey, finish_passkey, newest_question


def _confirmed(request: Request) -> Session:
    """The session of the caller, who has proved recently who he is; raises Refused (`confirm_first`)."""
    principal = caller(request)
    assert isinstance(principal, Principal)  # noqa: S101  # a view for signed-in people
    if (denied := refuse_unconfirmed(principal.session, now=timezone.now())) is not None:
        raise Refused(denied)
    return principal.session


class OwnPasskeys(APIView):
    """One's own passkeys."""

    reads = PasskeyAsked
    bodies = {"post": NewPasskey}

    def post(self, request: Request) -> Response:
        """Ask for a new one: `options` are for the browser. Needs a recent confirmation."""
        session = _confirmed(request)
        given = body(request, NewPasskey)
        begun = begin_passkey(
            User.objects.select_related("company").get(pk=session.user_id),
            asked_by=session.uid,
            name=given.get("name", ""),
            origin=actor(request).origin,
            now=timezone.now(),
        )
        challenge, options = settled(begun)
        return Response({"id": challenge.uid, "options": options})


class OwnPasskeyMade(APIView):
    """A passkey that the browser made."""

    reads = PasskeyShown
    bodies = {"post": MadePasskey}

    def post(self, request: Request) -> Response:
        """Turn it on; from now on it is asked for at sign-in, and signs in without a password. Needs a recent confirmation."""
        session = _confirmed(request)
        given = body(request, MadePasskey)
        if "id" in given and given["id"] != newest_question(session.uid):
            raise Refused(TOO_LATE)
        user = User.objects.select_related("company").get(pk=session.user_id)
        made = finish_passkey(
            given["credential"],
            user=user,
            asked_by=session.uid,
            name=given.get("name", ""),
            origin=actor(request).origin,
            now=timezone.now(),
        )
        return Response(PasskeyShown(settled(made)).data)

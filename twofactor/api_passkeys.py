"""One's own passkeys over REST: begun and made (`me/passkeys/`). They are listed and removed as factors (`me/factors/`)."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from core.api import actor, body
from core.refusals import settled
from twofactor.api_caller import confirmed
from twofactor.serializers import FactorShown, MadePasskey, NewPasskey, PasskeyAsked, shown
from twofactor.services.passkeys import begin_passkey, finish_passkey


class OwnPasskeys(APIView):
    """One's own passkeys."""

    reads = PasskeyAsked
    bodies = {"post": NewPasskey}

    def post(self, request: Request) -> Response:
        """Ask for a new one: `options` are for the browser. Needs a recent confirmation."""
        session = confirmed(request, adds=True).session
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

    reads = FactorShown
    bodies = {"post": MadePasskey}

    def post(self, request: Request) -> Response:
        """Turn it on; from now on it is asked for at sign-in, and signs in without a password. Needs a recent confirmation."""
        session = confirmed(request, adds=True).session
        given = body(request, MadePasskey)
        user = User.objects.select_related("company").get(pk=session.user_id)
        made = finish_passkey(
            given["credential"],
            user=user,
            asked_by=session.uid,
            session=session,
            name=given.get("name", ""),
            origin=actor(request).origin,
            now=timezone.now(),
        )
        return Response(FactorShown(shown(settled(made), user)).data)

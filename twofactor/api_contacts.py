"""One's own verified address and number over REST (`me/email/`, `me/phone/`)."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import principal_of
from accounts.models import User
from accounts.principal import Principal
from core.api import actor, body
from core.contacts import NAME_LENGTH
from core.fields import Strict, Text
from core.refusals import settled
from tenants.settings import snapshot
from twofactor.api_caller import confirmed
from twofactor.contacts import COUNTED_FOR, EMAIL, PHONE, Contact, Place, ask_for, pending, verify
from twofactor.serializers import Code
from twofactor.services.challenges import checks_left, codes_of, sends_left


class NewEmail(Strict):
    """The address to verify: one's own, or a new one."""

    email = Text(max_length=NAME_LENGTH)


class NewPhone(Strict):
    """The number to verify: one's own, or a new one."""

    phone = Text(max_length=40, help_text=_("In international form, such as +49 30 1234567."))


class _ContactShown(serializers.Serializer[Any]):
    verified_at = serializers.DateTimeField(allow_null=True)
    pending = serializers.CharField(allow_null=True)
    code_expires_at = serializers.DateTimeField(allow_null=True)
    checks_left = serializers.IntegerField(allow_null=True)
    sends_left = serializers.IntegerField()


class EmailShown(_ContactShown):
    """The address in force, and the one that waits for its code."""

    email = serializers.CharField()


class PhoneShown(_ContactShown):
    """The number in force, and the one that waits for its code."""

    phone = serializers.CharField()


def _place(principal: Principal, request: Request) -> Place:
    return Place(session=principal.session, origin=actor(request).origin)


def _shown(request: Request, contact: Contact) -> Response:
    now, session = timezone.now(), principal_of(request).session
    user = User.objects.get(pk=session.user_id)
    settings = snapshot(user.company_id)
    challenge = pending(session, contact, now=now)
    return Response(
        {
            contact.field: getattr(user, contact.field),
            "verified_at": getattr(user, contact.verified_at),
            "pending": challenge.address if challenge else None,
            "code_expires_at": challenge.expires_at if challenge else None,
            "checks_left": checks_left(challenge, settings=settings) if challenge else None,
            "sends_left": sends_left(codes_of(session.uid), settings=settings, since=now - COUNTED_FOR),
        }
    )


class OwnEmail(APIView):
    """One's own e-mail address."""

    reads = EmailShown
    bodies = {"post": NewEmail}

    def get(self, request: Request) -> Response:
        """The address in force, and the one that waits for its code."""
        return _shown(request, EMAIL)

    def post(self, request: Request) -> Response:
        """Send a code to an address; it counts only once the code came back. The answer does not tell whether somebody has it."""
        place, given = _place(confirmed(request, adds=True), request), body(request, NewEmail)
        settled(ask_for(EMAIL, given["email"], place=place, now=timezone.now()))
        return _shown(request, EMAIL)


class OwnEmailCode(APIView):
    """The code that was sent to an address."""

    reads = EmailShown
    bodies = {"post": Code}

    def post(self, request: Request) -> Response:
        """Verify the address. A new one becomes the name to sign in with, the old one is told, other sessions end."""
        place, given = _place(principal_of(request), request), body(request, Code)
        settled(verify(EMAIL, given["code"], place=place, now=timezone.now()))
        return _shown(request, EMAIL)


class OwnPhone(APIView):
    """One's own phone number."""

    reads = PhoneShown
    bodies = {"post": NewPhone}

    def get(self, request: Request) -> Response:
        """The number in force, and the one that waits for its code."""
        return _shown(request, PHONE)

    def post(self, request: Request) -> Response:
        """Send a code to a number by text message; it counts only once the code came back. Others may have the same number."""
        place, given = _place(confirmed(request, adds=True), request), body(request, NewPhone)
        settled(ask_for(PHONE, given["phone"], place=place, now=timezone.now()))
        return _shown(request, PHONE)


class OwnPhoneCode(APIView):
    """The code that was sent to a number."""

    reads = PhoneShown
    bodies = {"post": Code}

    def post(self, request: Request) -> Response:
        """Verify the number. The old one is told, and so is the verified address; other sessions end."""
        place, given = _place(principal_of(request), request), body(request, Code)
        settled(verify(PHONE, given["code"], place=place, now=timezone.now()))
        return _shown(request, PHONE)

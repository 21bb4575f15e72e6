"""One's own second factors and password over REST (`me/factors/`, `me/password/`)."""

import uuid
from typing import Any, ClassVar

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import principal_of
from accounts.models import User
from accounts.own_password import change_own_password
from accounts.principal import Principal
from core.api import actor, body
from core.fields import Flag, Secret, Strict, Whole
from core.oath import ALGORITHMS
from core.refusals import Refused, settled
from delivery.render import PRODUCT
from tenants.settings import snapshot
from twofactor.api_caller import confirmed
from twofactor.models import Factor, FactorKind
from twofactor.policy import PROVIDED
from twofactor.serializers import (
    Code,
    DeviceShown,
    FactorName,
    FactorShown,
    RecoveryShown,
    all_shown,
    recovery_shown,
    shown,
)
from twofactor.services import setup
from twofactor.services.devices import forget_browser, own_browser, remembered
from twofactor.services.factors import (
    TOO_LATE,
    add_factor,
    change_factor,
    make_recovery_codes,
    own_factor,
    remove_factor,
    setup_of,
)
from twofactor.services.lost import end_own
from twofactor.services.provided import provided_for

# A passkey is begun at me/passkeys/, where the browser is asked.
TURNED_ON_HERE = [(kind.value, kind.label) for kind in FactorKind if kind is not FactorKind.PASSKEY]


class NewFactorShown(FactorShown):
    """A second factor that was turned on or begun, with what is shown this once."""

    secret = serializers.CharField(required=False, help_text=_("Of an app: its key, to type."))
    otpauth_url = serializers.CharField(required=False, help_text=_("Of an app: the address of its QR code."))
    codes = serializers.ListField(
        child=serializers.CharField(), required=False, help_text=_("The recovery codes, shown this once.")
    )


class NewFactor(Strict):
    """Which one to turn on."""

    kind = serializers.ChoiceField(TURNED_ON_HERE)
    name = FactorName(required=False)
    algorithm = serializers.ChoiceField(sorted(ALGORITHMS), required=False, help_text=_("Of an app."))
    digits = Whole(required=False, min_value=6, max_value=8, help_text=_("Of an app's codes: 6 or 8."))


class ChangedFactor(Strict):
    """What changes about a factor."""

    name = FactorName(required=False)
    preferred = Flag(required=False)


class NewOwnPassword(Strict):
    """A new password for the current one."""

    current_password = Secret(
        required=False, help_text=_("Left out only by whoever has no password yet, and confirms instead.")
    )
    new_password = Secret()


def _own_factor(principal: Principal, id: uuid.UUID) -> Factor:
    factor = own_factor(principal.user, id)
    if factor is None:
        raise Http404
    return factor


class Factors(APIView):
    """One's own second factors."""

    reads = FactorShown
    bodies = {"post": NewFactor}
    answers = {"post": NewFactorShown}
    many = True
    single = ("post",)

    def get(self, request: Request) -> Response:
        """All of them."""
        return Response(all_shown(User.objects.get(pk=principal_of(request).user.pk)))

    def post(self, request: Request) -> Response:
        """Turn one on. An app waits for its first code; key and recovery codes are shown in this answer and in no later one."""
        given = body(request, NewFactor)
        kind, principal, now = FactorKind(given["kind"]), confirmed(request, adds=True), timezone.now()
        origin, user = actor(request).origin, User.objects.select_related("company").get(pk=principal.user.pk)
        if kind == FactorKind.TOTP:
            principal.session.user = user
            factor = settled(setup.begin(principal.session, **_of_an_app(given), origin=origin, now=now))
            more: dict[str, Any] = dict(setup_of(factor, issuer=PRODUCT))
        elif kind == FactorKind.RECOVERY:
            factor, codes = settled(
                make_recovery_codes(user, session=principal.session, origin=origin, now=now)
            )
            more = {"codes": codes}
        else:
            provided = provided_for(user, snapshot(user.company_id), now=now) if kind in PROVIDED else None
            factor = settled(
                add_factor(
                    user,
                    kind=kind,
                    name=given.get("name", ""),
                    provided=provided,
                    session=principal.session,
                    origin=origin,
                    now=now,
                )
            )
            more = {}
        return Response(NewFactorShown(shown(factor, user) | more).data)


def _of_an_app(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "algorithm": given.get("algorithm", "SHA1"),
        "digits": given.get("digits", 6),
        "name": given.get("name", ""),
    }


class OwnFactor(APIView):
    """One of one's own second factors."""

    reads = FactorShown
    bodies = {"patch": ChangedFactor}
    answers = {"delete": None}

    def patch(self, request: Request, id: uuid.UUID) -> Response:
        """Name it, or have it proposed first at sign-in."""
        factor, given = _own_factor(confirmed(request), id), body(request, ChangedFactor)
        changed = settled(change_factor(factor, **given, origin=actor(request).origin, now=timezone.now()))
        return Response(FactorShown(shown(changed, changed.user)).data)

    def delete(self, request: Request, id: uuid.UUID) -> Response:
        """Turn it off; one's other sessions end. Refused (409 `factor_required`) for the last one where one is required."""
        principal = confirmed(request)
        factor = _own_factor(principal, id)
        denied = remove_factor(factor, session=principal.session, by=actor(request), now=timezone.now())
        if denied is not None:
            raise Refused(denied)
        return Response(status=204)


class OwnFactorCode(APIView):
    """The first code of an app."""

    reads = FactorShown
    bodies = {"post": Code}

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Put an app in force, in the session that began to set it up. Each try counts."""
        principal, now = confirmed(request, adds=True), timezone.now()
        factor, code = _own_factor(principal, id), body(request, Code)["code"]
        if factor.confirmed_at is not None or setup.waiting(principal.session, id, now=now) is None:
            raise Refused(TOO_LATE)
        put = settled(setup.confirm(principal.session, factor, code, origin=actor(request).origin, now=now))
        return Response(FactorShown(shown(put, put.user)).data)


class Devices(APIView):
    """The browsers that stand for one's own second factor."""

    reads = DeviceShown
    bodies: ClassVar[dict[str, Any]] = {}
    many = True

    def get(self, request: Request) -> Response:
        """All of them, the one used last first."""
        user = User.objects.get(pk=principal_of(request).user.pk)
        return Response(DeviceShown(remembered(user, now=timezone.now()), many=True).data)


class OwnDevice(APIView):
    """One of the browsers that stand for one's own second factor."""

    reads = DeviceShown
    bodies: ClassVar[dict[str, Any]] = {}
    answers = {"delete": None}

    def delete(self, request: Request, id: uuid.UUID) -> Response:
        """Have the second factor asked for there again. No confirmation: whoever lost a device must be quick."""
        browser = own_browser(principal_of(request).user, id)
        if browser is None:
            raise Http404
        forget_browser(browser, origin=actor(request).origin, now=timezone.now())
        return Response(status=204)


class OwnRecovery(APIView):
    """Whether somebody with one's password waits to replace one's second factor as lost."""

    reads = RecoveryShown
    bodies: ClassVar[dict[str, Any]] = {}
    answers = {"delete": None}

    def get(self, request: Request) -> Response:
        """Since when, until when, and from where it was asked; null where nobody waits."""
        user = User.objects.get(pk=principal_of(request).user.pk)
        return Response(recovery_shown(user, now=timezone.now()))

    def delete(self, request: Request) -> Response:
        """End it: the second factor stays. No confirmation, for it changes nothing. Nobody waits: 409 `nothing_changed`."""
        denied = end_own(principal_of(request).user, origin=actor(request).origin, now=timezone.now())
        if denied is not None:
            raise Refused(denied)
        return Response(status=204)


class OwnPassword(APIView):
    """One's own password."""

    reads = FactorShown
    bodies = {"post": NewOwnPassword}
    answers = {"post": None}

    def post(self, request: Request) -> Response:
        """Change it; one's other sessions end."""
        given = body(request, NewOwnPassword)
        user = principal_of(request).user
        if not user.is_external and not user.has_usable_password():
            confirmed(request)  # there is none to type
        denied = change_own_password(
            principal_of(request).session,
            current=given.get("current_password", ""),
            new=given["new_password"],
            origin=actor(request).origin,
            now=timezone.now(),
        )
        if denied is not None:
            raise Refused(denied)
        return Response(status=204)

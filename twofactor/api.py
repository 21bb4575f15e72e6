"""One's own second factors and password over REST (`me/factors/`, `me/password/`)."""

import uuid
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.names import masked_email
from accounts.own_password import change_own_password
from accounts.principal import Principal
from accounts.sessions import refuse_unconfirmed
from core.api import actor, body, caller
from core.fields import Secret, Strict
from core.refusals import Refused, settled
from twofactor.models import Factor, FactorKind
from twofactor.services.factors import add_factor, remove_factor
from twofactor.services.provided import provided_for


class FactorShown(serializers.Serializer[Any]):
    """A second factor."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(FactorKind.choices)
    label = serializers.CharField(help_text=_("Where codes go, masked."))  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewFactor(Strict):
    """Which one to turn on."""

    kind = serializers.ChoiceField(FactorKind.choices)


class NewOwnPassword(Strict):
    """A new password for the current one."""

    current_password = Secret()
    new_password = Secret()


def _principal(request: Request) -> Principal:
    principal = caller(request)
    assert isinstance(principal, Principal)  # noqa: S101  # a view for signed-in people
    return principal


def _confirmed(request: Request) -> Principal:
    """The caller, if he has proved recently who he is; raises Refused (`confirm_first`)."""
    principal = _principal(request)
    if (denied := refuse_unconfirmed(principal.session, now=timezone.now())) is not None:
        raise Refused(denied)
    return principal


def _shown(factor: Factor, user: User) -> dict[str, Any]:
    return {
        "id": factor.uid,
        "kind": factor.kind,
        "label": masked_email(user.email),
        "created_at": factor.created_at,
        "last_used_at": factor.last_used_at,
    }


class Factors(APIView):
    """One's own second factors."""

    reads = FactorShown
    bodies = {"post": NewFactor}
    many = True

    def get(self, request: Request) -> Response:
        """All of them."""
        user = _principal(request).user
        return Response([_shown(factor, user) for factor in Factor.objects.filter(user=user.pk)])

    def post(self, request: Request) -> Response:
        """Turn one on. For codes by e-mail the address must be verified (409 `not_verified`)."""
        kind = FactorKind(body(request, NewFactor)["kind"])
        user = User.objects.select_related("company").get(pk=_confirmed(request).user.pk)
        now, of_organisation = timezone.now(), kind in {FactorKind.WEBSERVICE, FactorKind.RADIUS}
        provided = provided_for(user, snapshot(user.company_id), now=now) if of_organisation else None
        factor = settled(
            add_factor(user, kind=kind, origin=actor(request).origin, now=now, provided=provided)
        )
        return Response([_shown(factor, user)])


class OwnFactor(APIView):
    """One of one's own second factors."""

    reads = FactorShown
    answers = {"delete": None}

    def delete(self, request: Request, id: uuid.UUID) -> Response:
        """Turn it off; one's other sessions end. Refused (409 `factor_required`) for the last one where one is required."""
        principal = _confirmed(request)
        mine = Factor.objects.select_related("user__company").filter(user=principal.user.pk)
        factor = mine.filter(uid=id).first()
        if factor is None:
            raise Http404
        denied = remove_factor(factor, session=principal.session, by=actor(request), now=timezone.now())
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
        denied = change_own_password(
            _principal(request).session,
            current=given["current_password"],
            new=given["new_password"],
            origin=actor(request).origin,
            now=timezone.now(),
        )
        if denied is not None:
            raise Refused(denied)
        return Response(status=204)

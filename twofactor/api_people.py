"""The second factors and remembered devices of people, for administrators over REST (`users/{id}/…`)."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.serializers import Nothing
from core.api import Resource, actor
from core.fields import Strict, Text
from core.refusals import settled
from twofactor.serializers import DeviceShown, FactorShown, RecoveryShown, all_shown, recovery_shown
from twofactor.services.administered import (
    end_recovery_of,
    forget_devices,
    make_temporary_code,
    turn_off_factors,
)
from twofactor.services.devices import remembered


class Reason(Strict):
    """Why the second factors of a person are turned off, or a temporary code is made."""

    reason = Text(max_length=200, help_text=_("For the audit, such as how the person was made sure of."))


class TemporaryCodeShown(serializers.Serializer[Any]):
    """A temporary code. It is in this answer and cannot be read again."""

    code = serializers.CharField()
    expires_at = serializers.DateTimeField()


class FactorsOfPerson(Resource):
    """The second factors of a person."""

    model = User
    reads = FactorShown
    bodies = {"reset": Reason, "temporary_code": Reason}
    answers = {"reset": None, "temporary_code": TemporaryCodeShown}
    verbs = {"factors": "view", "reset": "change", "temporary_code": "change"}
    created = ("temporary_code",)
    related = ("company",)
    many = True

    def factors(self, request: Request, **where: Any) -> Response:
        """All of them, the oldest first."""
        return Response(all_shown(self.get_object()))

    def reset(self, request: Request, **where: Any) -> Response:
        """Turn every second factor off; the person is told, and every session ends. For an administrator a second one has to do the same
        within 30 minutes (409 `second_needed`). Nothing to turn off: 409 `nothing_changed`."""
        user, reason = self.get_object(), self.body()["reason"]
        return self.settle_gone(turn_off_factors(user, reason=reason, by=actor(request), now=timezone.now()))

    def temporary_code(self, request: Request, **where: Any) -> Response:
        """A code that stands for the second factor once, within an hour; the person is told. For an administrator two ask for it."""
        user, reason = self.get_object(), self.body()["reason"]
        made = settled(make_temporary_code(user, reason=reason, by=actor(request), now=timezone.now()))
        return Response(TemporaryCodeShown(made).data, status=status.HTTP_201_CREATED)


class RecoveryOfPerson(Resource):
    """Whether a person, or somebody with the password, waits to replace a lost second factor."""

    model = User
    reads = RecoveryShown
    bodies = {"end": Nothing}
    answers = {"end": None}
    verbs = {"recovery": "view", "end": "change"}
    related = ("company",)

    def recovery(self, request: Request, **where: Any) -> Response:
        """Since when, until when, and from where it was asked; null where nobody waits."""
        return Response(recovery_shown(self.get_object(), now=timezone.now()))

    def end(self, request: Request, **where: Any) -> Response:
        """End that a lost second factor is replaced after the waiting time: it stays. Nobody waits: 409 `nothing_changed`."""
        user = self.get_object()
        self.body()
        return self.settle_gone(end_recovery_of(user, by=actor(request), now=timezone.now()))


class DevicesOfPerson(Resource):
    """The browsers that stand for the second factor of a person."""

    model = User
    reads = DeviceShown
    bodies = {"forget": Nothing}
    answers = {"forget": None}
    verbs = {"devices": "view", "forget": "change"}
    related = ("company",)
    many = True

    def devices(self, request: Request, **where: Any) -> Response:
        """All of them, the one used last first."""
        return Response(DeviceShown(remembered(self.get_object(), now=timezone.now()), many=True).data)

    def forget(self, request: Request, **where: Any) -> Response:
        """Have the second factor asked for again on every device. None remembered: 409 `nothing_changed`."""
        user = self.get_object()
        self.body()
        return self.settle_gone(forget_devices(user, by=actor(request), now=timezone.now()))

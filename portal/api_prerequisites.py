"""The prerequisites of directory accounts over REST (`prerequisites/`)."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import actor
from core.outcomes import FORBIDDEN
from core.refusals import Refused
from portal.prerequisites import may_see, prerequisites, steps


class PrerequisiteShown(serializers.Serializer[Any]):
    """One thing that directory accounts need before they can sign in."""

    name = serializers.CharField(help_text=_("For programs: mode, access, package, companies."))
    title = serializers.CharField()
    done = serializers.BooleanField()
    sentence = serializers.CharField(help_text=_("How things stand; for people."))


class PrerequisitesView(APIView):
    """What directory accounts need before they can sign in, and what of it is done."""

    reads = PrerequisiteShown
    bodies: ClassVar[dict[str, Any]] = {}
    for_programs = True
    many = True

    def get(self, request: Request) -> Response:
        """What directory accounts need before they can sign in: for those who may see directories everywhere."""
        if not may_see(actor(request).rights):
            raise Refused(FORBIDDEN)
        return Response(PrerequisiteShown(steps(prerequisites()), many=True).data)

"""*Explain a sign-in* over REST (`explain-sign-in/`): what the page of the administration tells, for programs."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.names import Realm
from core.api import actor, body
from core.contacts import NAME_LENGTH
from core.fields import Flag, Strict, Text
from core.findings import Verdict
from core.outcomes import FORBIDDEN
from core.refusals import Refused
from twofactor.explain import explain_sign_in, may_explain


class ExplainedName(Strict):
    """Whose sign-in is explained."""

    name = Text(max_length=NAME_LENGTH, help_text=_("As the person types it."))
    realm = serializers.ChoiceField(
        choices=[realm.value for realm in Realm],
        required=False,
        help_text=_("Where it is looked up; left out, the name says it."),
    )
    ask = Flag(
        required=False,
        default=False,
        help_text=_("Let an LDAP directory look the person up now, for whoever may test it."),
    )


class FindingShown(serializers.Serializer[Any]):
    """One thing that the sign-in would meet."""

    about = serializers.CharField(help_text=_("What it is about; for programs."))
    verdict = serializers.ChoiceField(
        choices=[verdict.value for verdict in Verdict],
        help_text=_("`stop`: the sign-in would end here."),
    )
    sentence = serializers.CharField(help_text=_("For people."))


class ExplainSignIn(APIView):
    """What would happen if somebody signed in by a name."""

    reads = FindingShown
    bodies = {"post": ExplainedName}
    for_programs = True
    many = True

    def post(self, request: Request) -> Response:
        """Explain a sign-in: what it would meet, in order. Whoever is out of sight is like nobody. Nothing is counted or changed."""
        by = actor(request)
        if not may_explain(by.rights):
            raise Refused(FORBIDDEN)
        given = body(request, ExplainedName)
        found = explain_sign_in(**given, by=by, now=timezone.now())
        return Response(FindingShown(found, many=True).data)

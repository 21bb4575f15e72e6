"""The report on second factors over REST (`factor-report/`)."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from core.api import Resource, Values, caller
from core.fields import Reference, Strict, Uid
from tenants.models import Company, SecondFactorPolicy
from twofactor.models import FactorKind
from twofactor.report import chosen_company, judged, numbers, shut_out, what_if


class ReportFilters(Strict):
    """Of which company, and under which policy."""

    company = Reference(
        Company, required=False, help_text=_("Left out: the caller's own, or people of no company.")
    )
    policy = serializers.ChoiceField(
        SecondFactorPolicy.choices,
        required=False,
        default="required",
        help_text=_("What if it were this one?"),
    )


class KindShown(serializers.Serializer[Any]):
    """How many people turned a kind on."""

    kind = serializers.ChoiceField(FactorKind.choices)
    people = serializers.IntegerField()


class WhatIfShown(serializers.Serializer[Any]):
    """What a policy would do to the people of one company."""

    company = Uid(source="company.uid", allow_null=True, default=None)
    policy = serializers.ChoiceField(SecondFactorPolicy.choices)
    behaviour = serializers.CharField(help_text=_("Of the settings, for people without any way."))
    without_way = serializers.IntegerField(
        allow_null=True, help_text=_("People who could not prove it now. Null where roles decide for each.")
    )
    shut_out = serializers.IntegerField(
        allow_null=True, help_text=_("Of them, those who would not get in by themselves.")
    )
    asks_services = serializers.BooleanField(
        help_text=_(
            "A verification service is set up, which may know some of them; it is asked at the sign-in, and not here."
        )
    )
    radius_is_off = serializers.BooleanField(
        help_text=_(
            "The RADIUS directory of the settings is switched off: while it is, nobody without another way gets in, whatever `behaviour` "
            "says."
        )
    )


class FactorReportShown(serializers.Serializer[Any]):
    """Who has which second factor, of the active people in reach."""

    people = serializers.IntegerField()
    without = serializers.IntegerField(help_text=_("People who turned nothing on, or recovery codes alone."))
    verified_emails = serializers.IntegerField()
    verified_phones = serializers.IntegerField()
    kinds = KindShown(many=True)
    what_if = WhatIfShown()


class ShutOutShown(serializers.Serializer[Any]):
    """Somebody who would not get in by himself."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()


class FactorReport(Resource):
    """Second factors of the people in reach, and who could not sign in under a policy before it is switched on."""

    model = User
    reads = ShutOutShown
    answers = {"numbers": FactorReportShown}
    verbs = {"numbers": "view"}
    filters = ReportFilters
    oldest_first = True

    def numbers(self, request: Request) -> Response:
        """Count who has which second factor, and who could not sign in under a policy. Disabled people do not count."""
        self.need()
        given, people = self._asked(), self.get_queryset()
        counted = numbers(people)
        kinds = [{"kind": kind, "people": counted.kinds.get(kind, 0)} for kind in FactorKind.values]
        found = {
            "people": counted.people,
            "without": counted.without,
            "verified_emails": counted.verified_emails,
            "verified_phones": counted.verified_phones,
            "kinds": kinds,
            "what_if": what_if(people, **given),
        }
        return Response(FactorReportShown(found).data)

    def list(self, request: Request) -> Response:
        """Those who would not get in by themselves. A page may hold fewer than it could: each is judged as at a sign-in."""
        self.need()
        given = self._asked()
        page = self.paginate_queryset(shut_out(self.get_queryset(), **given))
        found = [
            {"id": user.uid, "username": user.username, "display_name": user.display_name}
            for user in judged(page or [], policy=given["policy"])
        ]
        return self.get_paginated_response(ShutOutShown(found, many=True).data)

    def _asked(self) -> Values:
        given = self.get_filters()
        company = chosen_company(caller(self.request), given.get("company"))
        return {"company": company, "policy": given["policy"]}

"""Role packages over REST: looked at, applied, read and rolled back."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from configserver import serializers_packages as shapes
from configserver import services
from configserver.models import SolutionPackage
from configserver.remote.forwarding import OfConfigServer
from configserver.services import BadPackage
from core.api import Values, actor
from core.fields import Strict
from core.idempotency import idempotent
from core.parsers import XmlBody
from core.refusals import Refused, settled


class NoFields(Strict):
    """No fields."""


class SolutionPackages(OfConfigServer):
    """Role packages that were applied."""

    model = SolutionPackage
    reads = shapes.SolutionPackageShown
    bodies = {"roll_back": NoFields}
    files: ClassVar[Mapping[str, str]] = {"create": XmlBody.media_type}
    previews: ClassVar[Mapping[str, Any]] = {"create": shapes.PackagePlan, "roll_back": shapes.PackagePlan}
    verbs = {"roll_back": "change"}
    filters = shapes.PackageFilters

    def get_parsers(self) -> list[BaseParser]:
        """A package is a file; everything else is JSON."""
        # With a request this is asked for before the action is known; the schema knows the action and has no request.
        request: Request | None = self.request
        method = request.method if request is not None else None
        action = self.action if method is None else self.action_map.get(method.lower())
        return [XmlBody()] if action == "create" else super().get_parsers()

    def joined(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The packages without what is kept for rolling them back, which may be long."""
        return super().joined(rows).defer("before")

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The packages that the filters leave."""
        if "is_applied" in given:
            given["rolled_back_at__isnull"] = given.pop("is_applied")
        return rows.filter(**given)

    @idempotent
    def create(self, request: Request) -> Response:
        """Apply the package in this file; whoever has one of its roles signs in again."""
        self.need()
        sent: Any = request.data
        data = sent if isinstance(sent, bytes) else b""  # without a body nothing is parsed
        by = actor(request)
        if self._is_dry_run():
            return Response(shapes.PackagePlan(_fit(services.plan_package(data, by=by))).data)
        return self.settle_new(_fit(services.apply_package(data, by=by, now=timezone.now())))

    @action(detail=True, methods=["post"], url_path="rollback")
    def roll_back(self, request: Request, **where: Any) -> Response:
        """Put the roles of a package back as they were before it."""
        package = self.get_object()
        self.body()
        by = actor(request)
        if self._is_dry_run():
            return Response(shapes.PackagePlan(_fit(services.plan_roll_back(package, by=by))).data)
        return self.settle(services.roll_back_package(package, by=by, now=timezone.now()))

    def _is_dry_run(self) -> bool:
        asked = shapes.DryRun(data=self.request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return bool(asked.validated_data["dry_run"])


def _fit(result: Any) -> Any:
    """The result of a verb; a file that is no package is refused with its fault and its line."""
    if isinstance(result, BadPackage):
        where = {} if result.line is None else {"line": result.line}
        raise Refused(result, fault=result.fault, **where)
    return settled(result)

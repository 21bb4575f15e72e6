"""Co-browse applications with their options, and co-browse sessions over REST."""

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import principal_of
from cobrowse import applications as verbs
from cobrowse import serializers as shapes
from cobrowse.applications import ApplicationDraft
from cobrowse.catalogue import KINDS, Kind, kind_of
from cobrowse.models import Application, CobrowseSession, Option
from cobrowse.sessions.life import as_it_is, in_state, settled
from cobrowse.sessions.verbs import end_by_administrator
from core import refusals
from core.api import Resource, Values, actor
from core.idempotency import idempotent
from core.outcomes import Denied
from twofactor.api_caller import confirmed


class Applications(Resource):
    """Co-browse applications: of each company one Co-browse Cluster and one Workspace Desktop Edition, with their options.

    What decides who works with sessions is confirmed. Taking a site away must never wait.
    """

    model = Application
    reads = shapes.ApplicationShown
    bodies = {
        "create": shapes.NewApplication,
        "partial_update": shapes.ChangedApplication,
        "set_option": shapes.NewOptionValue,
        "change_option": shapes.NewOptionValue,
        "generate_token": shapes.NewTokenWanted,
    }
    answers = {
        "list_options": shapes.OptionsShown,
        "option": shapes.OptionShown,
        "set_option": shapes.OptionShown,
        "change_option": shapes.OptionShown,
        "unset_option": None,
        "generate_token": shapes.NewTokenShown,
    }
    verbs = {
        "list_options": "view",
        "option": "view",
        "set_option": "change",
        "change_option": "change",
        "unset_option": "change",
        "generate_token": "change",
    }
    created = ("generate_token",)
    filters = shapes.ApplicationFilters
    related = ("company",)
    http_method_names = (*Resource.http_method_names, "put")  # type: ignore[assignment]

    @idempotent
    def create(self, request: Request) -> Response:
        """Make an application; without `company` of the caller's own. No option is set, so agent authentication is off."""
        self.need()
        given: Values = {"company": principal_of(request).company} | self.body()
        draft = ApplicationDraft(**given)
        return self.settle_new(verbs.create_application(draft, by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Give an application another name."""
        application = self.get_object()
        draft = ApplicationDraft(**self.body())
        return self.settle(
            verbs.change_application(application, draft, by=actor(request), now=timezone.now())
        )

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete an application with its options (confirmed: without a cluster's token, agent authentication is off)."""
        application = self.get_object()
        confirmed(request)
        return self.settle_gone(verbs.delete_application(application, by=actor(request), now=timezone.now()))

    @extend_schema(operation_id="applications_options_list")
    @action(detail=True, methods=["get"], url_path="options")
    def list_options(self, request: Request, **where: Any) -> Response:
        """Every option that an application of this type can have, set or not."""
        application = self.get_object()
        held = application.held()
        rows = [_shown(kind, held.get(kind.path)) for kind in KINDS[application.type]]
        return Response(shapes.OptionsShown({"results": rows}).data)

    @action(detail=True, methods=["get"], url_path="options/<str:section>/<str:option>")
    def option(self, request: Request, **where: Any) -> Response:
        """One option."""
        application = self.get_object()
        return _option(application, self._kind(application))

    @option.mapping.put
    def set_option(self, request: Request, **where: Any) -> Response:
        """Set an option (confirmed). A secret takes the place of the one that is kept."""
        application = self.get_object()
        kind = self._kind(application)
        confirmed(request)
        return self._set(application, kind)

    @option.mapping.patch
    def change_option(self, request: Request, **where: Any) -> Response:
        """The same: an option has nothing but its value."""
        return self.set_option(request, **where)

    @option.mapping.delete
    def unset_option(self, request: Request, **where: Any) -> Response:
        """Take an option away (confirmed, where it is a token)."""
        application = self.get_object()
        kind = self._kind(application)
        if kind.is_secret:
            confirmed(request)
        outcome = verbs.set_options(application, {kind.path: ""}, by=actor(request), now=timezone.now())
        return self.settle_gone(outcome)

    @action(detail=True, methods=["post"], url_path="options/<str:section>/<str:option>/generate")
    def generate_token(self, request: Request, **where: Any) -> Response:
        """Generate a token (confirmed). It is in this answer and cannot be read again."""
        application = self.get_object()
        if not self._kind(application).is_secret:
            raise NotFound
        confirmed(request)
        both = self.body()["both"]
        made = refusals.settled(
            verbs.generate_token(application, both=both, by=actor(request), now=timezone.now())
        )
        shown = {"token": made.token, "applications": [one.uid for one in made.applications]}
        return Response(shapes.NewTokenShown(shown).data, status=status.HTTP_201_CREATED)

    def _kind(self, application: Application) -> Kind:
        found = kind_of(application.type, self.kwargs["section"], self.kwargs["option"])
        if found is None:
            raise NotFound
        return found

    def _set(self, application: Application, kind: Kind) -> Response:
        wanted = shapes.NewOptionValue(data=self.request.data, context={"is_list": kind.is_list})
        wanted.is_valid(raise_exception=True)
        values = {kind.path: wanted.validated_data["value"]}
        outcome = verbs.set_options(application, values, by=actor(self.request), now=timezone.now())
        if isinstance(outcome, Denied) and outcome.field == kind.field:
            outcome = replace(outcome, field="value")
        return _option(refusals.settled(outcome), kind)


def _shown(kind: Kind, option: Option | None) -> Values:
    is_set = option is not None and option.is_set
    value: str | list[str] | None = None
    if option is not None and is_set and not kind.is_secret:
        value = option.value.splitlines() if kind.is_list else option.value
    return {
        "section": kind.section,
        "option": kind.name,
        "is_secret": kind.is_secret,
        "is_list": kind.is_list,
        "is_set": is_set,
        "value": value,
        "changed_at": None if option is None else option.changed_at,
        "changed_by": None if option is None else option.changed_by_name or None,
        "help": kind.help,
    }


def _option(application: Application, kind: Kind) -> Response:
    return Response(shapes.OptionShown(_shown(kind, application.held().get(kind.path))).data)


class CobrowseSessions(Resource):
    """Co-browse sessions of the companies in reach, live and ended, for who watches over them. Agents have addresses of their own."""

    model = CobrowseSession
    reads = shapes.CobrowseSessionShown
    answers = {"retrieve": shapes.CobrowseSessionRead}
    filters = shapes.CobrowseSessionFilters
    related = ("company",)

    def joined(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows without the digits by which somebody joins them."""
        return super().joined(rows).defer("token", "code")

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The rows that the filters leave; what is over is not live, though the books say so for another minute."""
        state = given.pop("state", None)
        found = super().narrowed(rows, given)
        if state is None:
            return found
        now = timezone.now()
        return found.filter(in_state([state], now=now))

    def show(self, found: Any, **how: Any) -> Any:
        """The plain values of a page, as the sessions really are; one that has just lapsed is not among the live ones."""
        if how.get("many"):
            now, wanted = timezone.now(), self.request.query_params.get("state")
            found = [one for one in found if as_it_is(one, now=now).state == (wanted or one.state)]
        return super().show(found, **how)

    def retrieve(self, request: Request, **where: Any) -> Response:
        """One session, with who was in it and the pages that were seen."""
        found = settled(self.get_object(), now=timezone.now())
        return Response(shapes.CobrowseSessionRead(found, context=self.showing()).data)

    def destroy(self, request: Request, **where: Any) -> Response:
        """End a session for everybody in it."""
        return self.settle_gone(
            end_by_administrator(self.get_object(), by=actor(request), now=timezone.now())
        )

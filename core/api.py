"""What the views of the API share: who calls, what of his reach, and the shape of a resource. It knows no word of the domain."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar, cast

from django.db.models import Model, QuerySet, prefetch_related_objects
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from core.fields import Strict
from core.http import client_address
from core.outcomes import FORBIDDEN, Denied
from core.paging import PARAMETERS
from core.refusals import Refused, settled

AnyModel = TypeVar("AnyModel", bound=Model)
Values = dict[str, Any]
_VERBS = {
    "list": "view",
    "retrieve": "view",
    "create": "add",
    "partial_update": "change",
    "destroy": "delete",
}


class Caller(Protocol):
    """Whoever is signed in, as far as a view need know him; `accounts.principal.Principal` is one."""

    @property
    def caller_id(self) -> str:
        """An id that stays."""

    @property
    def kept_under(self) -> str:
        """An id under which what he was answered can be kept: of nobody who may see less."""

    @property
    def company(self) -> Any:
        """His own company, if he has one."""

    def may(self, verb: str, kind: str) -> bool:
        """Whether the verb is allowed on some objects of this kind."""

    def within_reach(self, model: type[AnyModel]) -> QuerySet[AnyModel]:
        """The objects in the companies that are open to him, whatever he may do with them."""

    def visible(self, model: type[AnyModel]) -> QuerySet[AnyModel]:
        """The objects that he may see."""

    def company_uid(self, number: int | None) -> str | None:
        """The id of a company, for rows that keep only its number."""

    def actor(self, *, address: str) -> Any:
        """Himself as the one who acts, from this network address (`tenants.actor.Actor`)."""


def caller(request: Request) -> Caller:
    """Whoever is signed in; only for views that let nobody else in."""
    return cast(Caller, request.principal)  # type: ignore[attr-defined]


def actor(request: Request) -> Any:
    """The caller as the one who acts; a `tenants.actor.Actor`."""
    return caller(request).actor(address=client_address(request._request))


def body(request: Request, wanted: type[Strict]) -> Values:
    """The checked values of the body; raises ValidationError."""
    return _checked(wanted, request.data, request)


def _checked(wanted: type[Strict], given: Any, request: Request) -> Values:
    context = {"caller": getattr(request, "principal", None), "request": request}
    serializer = wanted(data=given, context=context)
    serializer.is_valid(raise_exception=True)
    return cast(Values, serializer.validated_data)


class Resource(GenericViewSet[Any]):
    """Objects of one kind, scoped to the caller: out of his reach they do not exist (404), in reach his privileges decide (403).

    `bodies` and `answers` name what each action takes and gives; `portal.schema` documents the API from them.
    """

    model: ClassVar[type[Model]]
    reads: ClassVar[type[BaseSerializer[Any]]]
    bodies: ClassVar[Mapping[str, type[Strict]]] = {}
    answers: ClassVar[Mapping[str, type[BaseSerializer[Any]] | None]] = {}
    verbs: ClassVar[Mapping[str, str]] = {}
    filters: ClassVar[type[Strict] | None] = None
    related: ClassVar[tuple[str, ...]] = ()
    prefetched: ClassVar[tuple[str, ...]] = ()
    oldest_first = False
    for_programs = True  # what it does is bounded by rights

    lookup_field = "uid"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    http_method_names = ("get", "post", "patch", "delete", "head")

    @property
    def kind(self) -> str:
        """The kind of object, as privileges and permissions name it."""
        return str(getattr(self.model, "scope_kind", ""))

    @property
    def verb(self) -> str:
        """What the action under way does to an object: view, add, change or delete."""
        action = self.action or ""
        return self.verbs.get(action) or _VERBS[action]

    def get_queryset(self) -> QuerySet[Any]:
        """What the caller may see."""
        return self.joined(caller(self.request).visible(self.model))

    def joined(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The same rows with what showing them needs."""
        return rows.select_related(*self.related).prefetch_related(*self.prefetched)

    def reached(self) -> QuerySet[Any]:
        """What exists for the caller."""
        return self.joined(caller(self.request).within_reach(self.model))

    def need(self) -> None:
        """Refuse a caller whose privileges do not hold the action under way."""
        if not caller(self.request).may(self.verb, self.kind):
            raise Refused(FORBIDDEN)

    def get_object(self) -> Any:
        """The object that the address names; raises NotFound, or Refused when it is in reach but the action is not allowed."""
        found = self.reached().filter(**{self.lookup_field: self.kwargs[self.lookup_url_kwarg]}).first()
        if found is None:
            raise NotFound
        self.need()
        return found

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The rows that the filters of the query leave."""
        return rows.filter(**given)

    def get_filters(self) -> Values:
        """The checked filters of the query; raises ValidationError for an unknown one, which would be passed over unseen."""
        query = {name: value for name, value in self.request.query_params.items() if name not in PARAMETERS}
        return _checked(self.filters or Strict, query, self.request)

    def body(self) -> Values:
        """The checked body of the action under way; raises ValidationError."""
        return body(self.request, self.bodies[self.action or ""])

    def shown(self, found: Any) -> Response:
        """The object as an answer."""
        return Response(self.show(found))

    def show(self, found: Any, **how: Any) -> Any:
        """The plain values of an object, or with `many` of a page of them."""
        prefetch_related_objects(found if how.get("many") else [found], *self.prefetched)
        return self.reads(found, context=self.showing(), **how).data

    def showing(self) -> Values:
        """What showing an object takes beside it."""
        return {"caller": caller(self.request)}

    def settle(self, result: Any) -> Response:
        """What a verb gave as an answer; raises Refused when it refused."""
        return self.shown(settled(result))

    def settle_new(self, result: Any) -> Response:
        """A new object as an answer, with its address; raises Refused when the verb refused."""
        found = settled(result)
        location = f"{self.request.path}{getattr(found, self.lookup_field)}/"
        return Response(self.show(found), status=status.HTTP_201_CREATED, headers={"Location": location})

    def settle_gone(self, result: Denied | object) -> Response:
        """Nothing as an answer; raises Refused when the verb refused."""
        settled(result)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def list(self, request: Request) -> Response:
        """One page of what the caller may see."""
        self.need()
        rows = self.narrowed(self.get_queryset(), self.get_filters())
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.show(page, many=True))

    def retrieve(self, request: Request, **where: Any) -> Response:
        """One object."""
        return self.shown(self.get_object())

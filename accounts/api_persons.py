"""External people over REST, as the Configuration Server keeps them. Each action reads its body, calls one verb, and shows what it gave."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import serializers_persons as shapes
from accounts.limits import unlock_person
from accounts.serializers import NewPassword, Nothing
from configserver import services, where
from configserver.models import Person, Tenant
from configserver.remote.behalf import UNAVAILABLE, asked_over_there
from configserver.remote.forwarding import OfConfigServer
from configserver.services import PersonDraft
from core.api import Values, actor, caller
from core.contacts import key_of
from core.http import client_address
from core.idempotency import idempotent
from core.outcomes import Denied
from core.refusals import Refused, settled
from tenants.settings import snapshot

# The fields of the verbs, by the names that they have here.
_FIELDS = {"tenant": "tenant_dbid", "new_password": "password", "source": "brought_by"}


def _named(result: Any) -> Any:
    if isinstance(result, Denied) and result.field in _FIELDS:
        return replace(result, field=_FIELDS[result.field])
    return result


class Persons(OfConfigServer):
    """External people: those of tenants whose company is in reach."""

    model = Person
    reads = shapes.PersonShown
    bodies = {
        "create": shapes.NewPerson,
        "partial_update": shapes.ChangedPerson,
        "password": NewPassword,
        "forget_entry": Nothing,
        "unlock": Nothing,
    }
    answers = {"password": None, "forget_entry": None, "unlock": None}
    verbs = {"password": "change", "forget_entry": "change", "unlock": "change"}
    filters = shapes.PersonFilters
    at_home = frozenset({"unlock"})  # tries are counted by the portal
    related = ("tenant", "directory", "source")
    prefetched = ("roles",)

    def showing(self) -> Values:
        """The caller, and whether directories exist for him."""
        sees: bool = actor(self.request).may_touch_tenant("view", "directory", dbid=None)
        return super().showing() | {"sees_directories": sees}

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The people that the filters leave."""
        if "name" in given:
            given["name_key"] = key_of(given.pop("name"))
        if "tenant_dbid" in given:
            given["tenant__dbid"] = given.pop("tenant_dbid")
        return rows.filter(**given)

    @idempotent
    def create(self, request: Request) -> Response:
        """Make an external person; without `tenant_dbid` in the tenant of the caller's own company."""
        self.need()
        values = self.body()
        password = values.pop("password", "")
        if "tenant" not in values:
            company = caller(request).company
            linked = None if company is None else company.tenant_dbid
            values["tenant"] = Tenant.objects.filter(dbid=linked).first() if linked is not None else None
        made = services.create_person(
            PersonDraft(**values),
            password=password,
            environment=snapshot(None),
            by=actor(request),
            now=timezone.now(),
        )
        return self.settle_new(_named(made))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of an external person; what decides who it is, or what it may do, ends its sessions."""
        person, draft = self.get_object(), PersonDraft(**self.body())
        return self.settle(
            _named(services.change_person(person, draft, by=actor(request), now=timezone.now()))
        )

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete an external person; the account here can never be signed in to again."""
        return self.settle_gone(
            services.delete_person(self.get_object(), by=actor(request), now=timezone.now())
        )

    @action(detail=True, methods=["post"])
    def password(self, request: Request, **where: Any) -> Response:
        """Give the person a new password, where the Configuration Server keeps it; every session of the person ends."""
        person, values = self.get_object(), self.body()
        result = services.give_password(
            person,
            values["password"],
            must_change=values["must_change"],
            environment=snapshot(None),
            by=actor(request),
            now=timezone.now(),
        )
        return self.settle_gone(_named(result))

    def get_object(self) -> Person:
        """The person that the address names, wherever it is kept; what is done to it here is done by its id and name."""
        if where.remote() is None:
            found: Person = super().get_object()
            return found
        path = reverse("api:person-detail", args=[self.kwargs["id"]])
        address = client_address(self.request._request)
        said = settled(asked_over_there(caller(self.request), "GET", path, address=address))
        if said.status != HTTPStatus.OK:
            raise NotFound if said.status == HTTPStatus.NOT_FOUND else Refused(UNAVAILABLE)
        self.need()
        person = json.loads(said.body)
        return Person(uid=person["id"], name=person["name"], tenant=Tenant(dbid=person["tenant_dbid"]))

    @action(detail=True, methods=["post"])
    def unlock(self, request: Request, **where: Any) -> Response:
        """Forget the wrong passwords counted for the name, and take every lock from the account here."""
        person = self.get_object()
        self.body()
        return self.settle_gone(unlock_person(person, by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"], url_path="forget-entry")
    def forget_entry(self, request: Request, **where: Any) -> Response:
        """Let the next sign-in keep another entry of the directory, for an account that was made anew there."""
        person = self.get_object()
        self.body()
        return self.settle_gone(services.forget_entry(person, by=actor(request), now=timezone.now()))

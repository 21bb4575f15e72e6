"""People, sessions and companies over REST. Each action reads its body, calls one verb, and shows what it gave."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import serializers as shapes
from accounts.authentication import principal_of
from accounts.companies import change_company
from accounts.describe import described, told
from accounts.ending import NOT_LIVE, end_session
from accounts.held import HELD_THROUGH
from accounts.limits import unlock_user
from accounts.lock_down import lock_down
from accounts.models import Session, User
from accounts.names import Realm
from accounts.people import UserDraft, change_user, create_user, delete_user, lock_user, set_password
from accounts.sessions import end_sessions
from core.api import Resource, Values, actor
from core.contacts import key_of
from core.idempotency import idempotent
from core.negotiation import JSON
from core.outcomes import Denied
from core.refusals import Refused
from tenants.models import Company
from tenants.serializers import ChangedCompany, CompanyShown, NewCompany
from tenants.services import CompanyDraft, create_company, delete_company

EXTERNAL = Denied(
    code="kept_elsewhere",
    field="realm",
    message=_("External people are kept in the Configuration Server; make them at persons/."),
)


def _named(result: Any) -> Any:
    """The result of a verb with the name that the field of a password has here."""
    if isinstance(result, Denied) and result.field == "new_password":
        return replace(result, field="password")
    return result


class MeView(APIView):
    """The person signed in."""

    reads = shapes.Me
    for_programs = True

    def get(self, request: Request) -> HttpResponseBase:
        """Who is signed in, and what this person may do and see."""
        principal = principal_of(request)
        if request.accepted_media_type == JSON:
            return HttpResponse(told(principal), content_type=JSON)
        return Response(described(principal))


class Users(Resource):
    """People."""

    model = User
    reads = shapes.UserShown
    bodies = {
        "create": shapes.NewUser,
        "partial_update": shapes.ChangedUser,
        "lock": shapes.LockReason,
        "lock_down": shapes.LockDown,
        "unlock": shapes.Nothing,
        "password": shapes.NewPassword,
    }
    answers = {"password": None}
    verbs = {"lock": "change", "lock_down": "change", "unlock": "change", "password": "change"}
    filters = shapes.UserFilters
    related = ("company",)
    prefetched = ("roles",)

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The people that the filters leave."""
        if "email" in given:
            given["login_key"] = key_of(given.pop("email"))
        if "role" in given:
            given["roles"] = given.pop("role")
        return rows.filter(**given)

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a person who is kept here; without `company` in the caller's own."""
        self.need()
        if isinstance(request.data, Mapping) and request.data.get("realm") == Realm.EXTERNAL:
            raise Refused(EXTERNAL)  # before the fields are looked at: those of an external person are others
        values: Values = {"company": principal_of(request).company} | self.body()
        values.pop("realm", None)
        password = values.pop("password")
        return self.settle_new(
            _named(create_user(UserDraft(**values), password=password, by=actor(request), now=timezone.now()))
        )

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a person."""
        user = self.get_object()
        return self.settle(change_user(user, UserDraft(**self.body()), by=actor(request), now=timezone.now()))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete a person. What the person did stays in the audit trail."""
        return self.settle_gone(delete_user(self.get_object(), by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"])
    def lock(self, request: Request, **where: Any) -> Response:
        """Lock the account; its sessions end within a second."""
        user, reason = self.get_object(), self.body()["reason"]
        return self._after(user, lock_user(user, reason=reason, by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"], url_path="lock-down")
    def lock_down(self, request: Request, **where: Any) -> Response:
        """Take everything from the account and lock it; its old password opens it no more, also once it is unlocked."""
        user = self.get_object()
        return self._after(user, lock_down(user, **self.body(), by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"])
    def unlock(self, request: Request, **where: Any) -> Response:
        """Take every lock from the account."""
        user = self.get_object()
        self.body()
        return self._after(user, unlock_user(user, by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"])
    def password(self, request: Request, **where: Any) -> Response:
        """Give the person a new password; every session of the person ends within a second."""
        user, values = self.get_object(), self.body()
        result = set_password(
            user, values["password"], must_change=values["must_change"], by=actor(request), now=timezone.now()
        )
        return self.settle_gone(_named(result))

    def _after(self, user: User, result: Any) -> Response:
        user.refresh_from_db()
        return self.settle(result or user)


class Sessions(Resource):
    """Sign-ins that hold or held: those in reach, and always one's own."""

    model = Session
    reads = shapes.SessionShown
    filters = shapes.SessionFilters
    related = ("user", *HELD_THROUGH)

    def get_queryset(self) -> QuerySet[Any]:
        """What the caller may see, and his own."""
        return self._with_own(super().get_queryset())

    def reached(self) -> QuerySet[Any]:
        """What exists for the caller, and his own."""
        return self._with_own(super().reached())

    def _with_own(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if principal_of(self.request).is_bounded:
            return rows
        return rows | self.joined(Session.objects.filter(user=principal_of(self.request).user))

    def need(self) -> None:
        """Nothing for one's own; for others', the privilege, which `get_object` and the verb ask for. Always, of a key or token."""
        if principal_of(self.request).is_bounded:
            super().need()

    def get_object(self) -> Any:
        """The session that the address names; somebody else's only with the privilege for the action."""
        found = super().get_object()
        if found.user_id != principal_of(self.request).user.pk:
            super().need()
        return found

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The sessions that the filters leave."""
        live = given.pop("live", None)
        rows = rows.filter(**given)
        if live is None:
            return rows
        holding = Session.live(now=timezone.now())
        return rows.filter(holding) if live else rows.exclude(holding)

    def destroy(self, request: Request, **where: Any) -> Response:
        """End a session and all its tokens, everywhere within a second."""
        session, by, now = self.get_object(), actor(request), timezone.now()
        principal = principal_of(request)
        if session.user_id != principal.user.pk or principal.is_bounded:
            return self.settle_gone(end_session(session, by=by, now=now))
        ended = end_sessions([session], reason="signed_out", origin=by.origin, now=now)
        return self.settle_gone(None if ended else NOT_LIVE)


class Companies(Resource):
    """Companies. They stand here and not below, because one that is switched off ends the sessions of its people."""

    model = Company
    reads = CompanyShown
    bodies = {"create": NewCompany, "partial_update": ChangedCompany}

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a company."""
        self.need()
        draft = CompanyDraft(**self.body())
        return self.settle_new(create_company(draft, by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a company; switched off, the sessions of its people end within a second."""
        company, draft = self.get_object(), CompanyDraft(**self.body())
        return self.settle(change_company(company, draft, by=actor(request), now=timezone.now()))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete a company without people."""
        return self.settle_gone(delete_company(self.get_object(), by=actor(request), now=timezone.now()))

"""Join links over REST. Each action reads its body, calls one verb, and shows what it gave."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import serializers_joining as shapes
from accounts.invite_many import Invited, invite_many
from accounts.invite_rows import InviteRow, read_rows
from accounts.inviting import (
    JoinLinkDraft,
    make_join_link,
    resend_join_link,
    revoke_join_link,
    show_join_link,
)
from accounts.joining import url_of
from accounts.models import JoinLink
from accounts.serializers import Nothing
from core.api import Resource, Values, actor, body, caller
from core.idempotency import idempotent
from core.outcomes import FORBIDDEN, Denied
from core.refusals import Refused, settled

ONE_LIST = Denied(code="invalid", field="rows", message=_("Give `rows` or `csv`, and not both."))


class JoinLinks(Resource):
    """Invitations to join a company."""

    model = JoinLink
    reads = shapes.JoinLinkShown
    bodies = {
        "create": shapes.NewJoinLink,
        "resend": Nothing,
        "show_url": Nothing,
    }
    answers = {
        "create": shapes.JoinLinkMade,
        "show_url": shapes.JoinLinkAddress,
    }
    verbs = {"resend": "add", "show_url": "add"}
    filters = shapes.JoinLinkFilters
    related = ("company", "role", "made_by", "used_by")

    def narrowed(self, rows: QuerySet[Any], given: Values) -> QuerySet[Any]:
        """The links that the filters leave."""
        if "email" in given:
            rows = rows.filter(email__iexact=given.pop("email").strip())
        if "state" in given:
            rows = rows.filter(JoinLink.in_state(given.pop("state"), now=timezone.now()))
        return rows.filter(**given)

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a link; without `company` in the caller's own. With `email` it is mailed there, and good for nobody else."""
        self.need()
        values: Values = {"company": caller(request).company} | self.body()
        now = timezone.now()
        link = settled(make_join_link(JoinLinkDraft(**values), by=actor(request), now=now))
        shown = shapes.JoinLinkMade(link, context=self.showing() | {"url": url_of(link, now=now)})
        return Response(
            shown.data,
            status=status.HTTP_201_CREATED,
            headers={"Location": f"{request.path}{link.uid}/"},
        )

    @action(detail=True, methods=["post"])
    def resend(self, request: Request, **where: Any) -> Response:
        """Mail the link again, where it is for one address; it ends when it would have ended."""
        link = self.get_object()
        self.body()
        return self.settle(resend_join_link(link, by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"], url_path="show")
    def show_url(self, request: Request, **where: Any) -> Response:
        """The address of an open link; it is written down that it was shown."""
        link = self.get_object()
        self.body()
        return Response({"url": settled(show_join_link(link, by=actor(request), now=timezone.now()))})

    def destroy(self, request: Request, **where: Any) -> Response:
        """Revoke a link: nobody joins by it from this moment on."""
        return self.settle_gone(revoke_join_link(self.get_object(), by=actor(request), now=timezone.now()))


class ManyJoinLinks(APIView):
    """Many invitations at once."""

    reads = shapes.ManyResults
    bodies = {"post": shapes.ManyInvited}
    for_programs = True

    @idempotent
    def post(self, request: Request) -> Response:
        """Invite many people, each by a link of their own; what is wrong with one row keeps no other one back."""
        if not caller(request).may("add", "user"):
            raise Refused(FORBIDDEN)
        values: Values = {"company": caller(request).company} | body(request, shapes.ManyInvited)
        rows = _rows(values.pop("rows", None), values.pop("csv", None))
        if values["company"] is None:
            raise Refused(FORBIDDEN)
        role = values.pop("role", None)
        found = settled(
            invite_many(settled(rows), role=role, by=actor(request), now=timezone.now(), **values)
        )
        results = [_told(one) for one in found]
        return Response({"invited": sum(one.link is not None for one in found), "results": results})


def _rows(rows: list[Values] | None, text: str | None) -> list[InviteRow] | Denied:
    if (rows is None) == (text is None):
        return ONE_LIST
    if text is not None:
        return read_rows(text)
    return [InviteRow(number=number, **row) for number, row in enumerate(rows or (), start=1)]


def _told(one: Invited) -> Values:
    return {
        "row": one.row.number,
        "email": one.row.email,
        "code": one.denied.code if one.denied is not None else "invited",
        "detail": str(one.denied.message) if one.denied is not None else "",
        "id": str(one.link.uid) if one.link is not None else None,
    }

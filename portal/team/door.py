"""What the pages of /team/ share: who may look, which company is meant, and how a refusal is told."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode

from accounts.pages import actor_of, principal_of, signed_in
from accounts.principal import Principal
from audit.events import Event
from audit.record import Named, record
from core.admin_lists import TERM_LENGTH, begins_with, spellings_of
from core.db import unit
from core.outcomes import Denied
from tenants.models import Company, Kind
from tenants.rights import Everywhere
from tenants.rules import may_touch

View = Callable[..., HttpResponse]
OFFERED = 50  # companies that the box of names offers at once


@dataclass
class Place:
    """The company whose team is looked at, and what the looker may do there."""

    principal: Principal
    company: Company | None
    typed: str = ""  # of the name of a company, where it is none
    found: list[Company] = field(default_factory=list)

    @property
    def companies(self) -> QuerySet[Company]:
        """Those whose people the looker may see."""
        reach = self.principal.rights.sees(Kind.USER)
        rows = Company.objects.order_by("name")
        return rows if isinstance(reach, Everywhere) else rows.filter(pk__in=reach)

    @cached_property
    def offered(self) -> list[Company]:
        """Some of them, for the box; none where there is nothing to choose between."""
        found = list(self.companies[: OFFERED + 1])
        return found if len(found) > 1 or self.company is None else []

    @property
    def query(self) -> str:
        """What an address needs to stay with this company."""
        return f"?{urlencode({'company': str(self.company.uid)})}" if self.company and self.offered else ""

    @property
    def may_invite(self) -> bool:
        """Whether the looker may add people here."""
        return self._may("add")

    @property
    def may_change(self) -> bool:
        """Whether the looker may change people here."""
        return self._may("change")

    def _may(self, verb: str) -> bool:
        company_id = self.company.pk if self.company is not None else None
        return company_id is not None and may_touch(
            self.principal.rights, verb, "user", company_id=company_id
        )


def _place(request: HttpRequest) -> Place:
    place = Place(principal=principal_of(request), company=None)
    asked = request.GET.get("company", "").replace("\0", "").strip()[:TERM_LENGTH]  # which no database stores
    if not asked:
        own = place.companies.filter(pk=place.principal.user.company_id or 0).first()
        few = list(place.companies[:2])
        place.company = own or (few[0] if len(few) == 1 else None)
        return place
    try:
        place.company = place.companies.filter(uid=uuid.UUID(asked)).first()
    except ValueError:
        place.typed = asked
        place.found = list(place.companies.filter(begins_with("name", *spellings_of(asked)))[:OFFERED])
        exact = [one for one in place.found if one.name.casefold() == asked.casefold()]
        place.company = exact[0] if exact else place.found[0] if len(place.found) == 1 else None
        return place
    if place.company is None:
        raise Http404
    return place


def viewer(view: View) -> View:
    """Let in who may see people; for anybody else there is nothing here."""

    @signed_in
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not principal_of(request).may_see_people:
            raise Http404
        return view(request, *args, **kwargs)

    return inner


def of_company(view: View) -> View:
    """The same for a page of one company, which the view gets as its `Place`; without one, it is asked for."""

    @viewer
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        place = _place(request)
        if place.company is None:
            return render(request, "team/choose.html", {"place": place})
        return view(request, place, *args, **kwargs)

    return inner


def place_of(request: HttpRequest, company: Company | None) -> Place:
    """The place of an object that an address names; the object itself was found in reach."""
    return Place(principal=principal_of(request), company=company)


def refused(request: HttpRequest, denied: Denied, *, verb: str, subject: Named | None = None) -> None:
    """Tell a refusal on the next page, and write it down."""
    messages.error(request, str(denied.message))
    note(request, denied, verb=verb, subject=subject)


def note(request: HttpRequest, denied: Denied, *, verb: str, subject: Named | None = None) -> None:
    """Write a refusal down; the verb's own transaction is over, so this row stays."""
    with unit():
        record(
            Event.REFUSED,
            origin=actor_of(request).origin,
            at=timezone.now(),
            company_id=getattr(subject, "company_id", principal_of(request).user.company_id),
            subject=subject,
            verb=verb,
            kind=type(subject).__name__.lower() if subject is not None else "joinlink",
            code=denied.code,
        )

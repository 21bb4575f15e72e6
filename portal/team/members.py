"""The members of a company: seen, given other roles, removed."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.invite_many import roles_to_give
from accounts.loaded import roles_loaded
from accounts.models import Arrival, User
from accounts.pages import actor_of, principal_of
from accounts.people import UserDraft, change_user, delete_user
from core.admin_lists import TERM_LENGTH, bounded_count, searched
from core.outcomes import Denied
from portal.team.door import Place, of_company, place_of, refused, viewer
from portal.team.paging import page_of
from tenants.models import Role
from tenants.rights import Rights, exceeds
from tenants.roles import given_by
from tenants.rules import rights_from

FOUND_BY = ("~login_key", "display_name")
FEW_ROLES = 12  # up to so many can be chosen right in the list; more have a page of their own


def came(user: User) -> str:
    """How the person came, in words."""
    if user.is_external:
        return _("from the directory")
    if user.came_by == Arrival.JOINED:
        return _("by a link of %(name)s") % {"name": user.came_through or "–"}
    if user.came_by == Arrival.SIGNED_UP:
        return _("signed up")
    if user.came_by == Arrival.VOUCHED:
        return _("through %(name)s") % {"name": user.came_through or "–"}
    return _("made by an administrator")


def _rights(user: User) -> Rights:
    """What the person has, from rows that were fetched with him."""
    return rights_from(
        [given_by(role) for role in user.roles.all()], user.permissions.all(), own=user.company_id
    )


def _shown(user: User, place: Place, roles: Sequence[Role]) -> dict[str, Any]:
    """One member; `roles` are those that the looker may give."""
    held = [] if user.is_external else list(user.roles.all())
    mine = exceeds(place.principal.rights, _rights(user)) is None if not user.is_external else False
    return {
        "user": user,
        "is_self": user.pk == place.principal.user.pk,
        "roles": [role.name for role in (roles_loaded(user) if user.is_external else held)],
        "held": {role.pk for role in held},
        "kept": [role for role in held if role not in roles],
        "came": came(user),
        "may_change": place.may_change and mine,
    }


def _of(place: Place) -> QuerySet[User]:
    rows = place.principal.visible(User).filter(company=place.company)
    return rows.select_related("company").prefetch_related(
        "roles__privileges", "roles__permissions", "permissions"
    )


@of_company
def members(request: HttpRequest, place: Place) -> HttpResponse:
    """Everybody who belongs to the company, some at a time."""
    assert place.company is not None  # noqa: S101 - `of_company` sees to it
    term = request.GET.get("q", "").strip()[:TERM_LENGTH]
    everybody = _of(place)
    rows = everybody.filter(searched(FOUND_BY, term)) if term else everybody
    page = page_of(
        everybody.prefetch_related(None),
        rows,
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
    )
    roles = roles_to_give(place.company, by=actor_of(request)) if place.may_change else []
    context = {
        "place": place,
        "term": term,
        "count": bounded_count(rows),
        "members": [_shown(user, place, roles) for user in page.people],
        "offered_roles": roles,
        "few_roles": len(roles) <= FEW_ROLES,
        "older": _address(place, q=term, before=page.before) if page.before else "",
        "newer": _address(place, q=term, after=page.after) if page.after else "",
    }
    return render(request, "team/members.html", context)


def _address(place: Place, **given: object) -> str:
    company = {"company": str(place.company.uid)} if place.company is not None and place.query else {}
    return f"?{urlencode({**company, **{name: str(value) for name, value in given.items() if value}})}"


def _found(request: HttpRequest, uid: uuid.UUID) -> tuple[User, Place]:
    rows = principal_of(request).visible(User).exclude(company=None).select_related("company")
    user = (
        rows.prefetch_related("roles__privileges", "roles__permissions", "permissions")
        .filter(uid=uid)
        .first()
    )
    if user is None:
        raise Http404
    return user, place_of(request, user.company)


@viewer
def member(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """One member: who it is, and which roles."""
    user, place = _found(request, uid)
    assert place.company is not None  # noqa: S101 - `_found` sees to it
    roles = roles_to_give(place.company, by=actor_of(request)) if place.may_change else []
    if request.method == "POST":
        return _change(request, user, place, roles)
    context = {"place": place, "member": _shown(user, place, roles), "offered_roles": roles}
    return render(request, "team/member.html", context)


def _change(request: HttpRequest, user: User, place: Place, roles: Sequence[Role]) -> HttpResponse:
    chosen = set(request.POST.getlist("roles"))
    # A role that the looker cannot give is none of the boxes, and stays as it is.
    given = [role for role in user.roles.all() if role not in roles]
    given += [role for role in roles if str(role.uid) in chosen]
    result = change_user(user, UserDraft(roles=given), by=actor_of(request), now=timezone.now())
    if isinstance(result, Denied):
        refused(request, result, verb="change", subject=user)
    else:
        messages.success(request, _("The roles of %(name)s were changed.") % {"name": user.display_name})
    if request.POST.get("back") == "member":
        return redirect("team:member", uid=user.uid)
    return redirect(f"/team/{place.query}#member-{user.uid}")


@viewer
def remove(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Ask, and delete the account."""
    user, place = _found(request, uid)
    shown = _shown(user, place, [])
    if request.method == "POST":
        denied = delete_user(user, by=actor_of(request), now=timezone.now())
        if denied is not None:
            refused(request, denied, verb="delete", subject=user)
            return redirect("team:member", uid=user.uid)
        messages.success(request, _("%(name)s was removed.") % {"name": user.display_name})
        return redirect(f"/team/{place.query}")
    return render(request, "team/remove.html", {"place": place, "member": shown})

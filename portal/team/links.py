"""The join links of a company: listed, made, shown, mailed, revoked."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.views.decorators.http import require_POST

from accounts.invite_many import roles_to_give
from accounts.inviting import (
    MOST_OPEN,
    JoinLinkDraft,
    make_join_link,
    refuse_touch_link,
    resend_join_link,
    revoke_join_link,
    show_join_link,
)
from accounts.joining import refuse_acceptance, url_of
from accounts.models import JoinLink
from accounts.pages import actor_of, principal_of
from core.outcomes import Denied
from delivery.services import Progress, states_of
from portal.team.door import Place, note, of_company, place_of, refused, viewer
from portal.team.forms import LinkForm

PAST = 25
# So long its maker sees it on its page without asking for it: he has just made it, and a page that is loaded again makes no second one.
FRESH = timedelta(minutes=2)
_MAILS: dict[Progress, str | Promise] = {
    Progress.QUEUED: __("The mail is on its way."),
    Progress.LATE: __("The mail is late: the mail server does not answer. We keep trying."),
    Progress.SENT: __("The mail was sent."),
    Progress.DELIVERED: __("The mail has arrived."),
    Progress.FAILED: __("The mail could not be delivered. Look at the address, or copy the link."),
}


def _shown(links: Iterable[JoinLink], *, now: datetime) -> list[dict[str, Any]]:
    links = list(links)
    mails = states_of([one.delivery_uid for one in links if one.delivery_uid is not None], now=now)
    shown = []
    for one in links:
        mail = mails.get(one.delivery_uid) if one.delivery_uid is not None else None
        shown.append(
            {
                "link": one,
                "state": one.state(now=now),
                "mail": mail,
                "mail_sentence": _MAILS[mail] if mail is not None else "",
            }
        )
    return shown


def _of(place: Place) -> QuerySet[JoinLink]:
    rows = place.principal.visible(JoinLink).filter(company=place.company)
    return rows.select_related("company", "role", "made_by", "used_by", "signed_by")


@of_company
def links(request: HttpRequest, place: Place) -> HttpResponse:
    """The links of the company: those that are open, and what became of the others."""
    now = timezone.now()
    is_open = JoinLink.in_state("open", now=now)
    past = _of(place).exclude(pk__in=_of(place).filter(is_open).values("pk"))
    behind = request.GET.get("before", "")
    if behind.isdecimal() and behind.isascii() and len(behind) < 19:
        past = past.filter(pk__lt=int(behind))
    rows = list(past[: PAST + 1])
    context = {
        "place": place,
        "open": _shown(_of(place).filter(is_open)[:MOST_OPEN], now=now),
        "past": _shown(rows[:PAST], now=now),
        "older": rows[PAST - 1].pk if len(rows) > PAST else None,
    }
    return render(request, "team/links.html", context)


@of_company
def make(request: HttpRequest, place: Place) -> HttpResponse:
    """Make one."""
    if not place.may_invite or place.company is None:
        raise Http404
    roles, now = roles_to_give(place.company, by=actor_of(request)), timezone.now()
    form = LinkForm(request.POST or None, roles=roles)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        draft = JoinLinkDraft(
            company=place.company, role=form.chosen, email=given["email"], hours=given["hours"]
        )
        made = make_join_link(draft, by=actor_of(request), now=now)
        if not isinstance(made, Denied):
            messages.success(
                request,
                _("The link was made and mailed to %(email)s.") % {"email": made.email}
                if made.email
                else _("The link was made."),
            )
            return redirect("team:link", uid=made.uid)
        form.add_error(made.field if made.field in form.fields else None, str(made.message))
        note(request, made, verb="add")
    return render(request, "team/make.html", {"place": place, "form": form})


def _found(request: HttpRequest, uid: uuid.UUID) -> JoinLink:
    rows = principal_of(request).visible(JoinLink)
    found = rows.select_related("company", "role", "made_by__company", "used_by", "signed_by").filter(uid=uid)
    link = found.first()
    if link is None:
        raise Http404
    return link


def _page(request: HttpRequest, link: JoinLink, *, url: str = "", now: datetime) -> HttpResponse:
    [shown] = _shown([link], now=now)
    is_open = shown["state"] == "open"
    context = {
        "place": place_of(request, link.company),
        "shown": shown,
        "url": url,
        "is_dead": is_open and refuse_acceptance(link, now=now) is not None,
        "is_mine": refuse_touch_link(link, by=actor_of(request)) is None,
    }
    response = render(request, "team/link.html", context)
    if url:
        response["Cache-Control"] = "no-store"
    return response


@viewer
def link(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """One link; whoever has just made it sees its address, too."""
    found, now = _found(request, uid), timezone.now()
    fresh = found.made_by_id == principal_of(request).user.pk and now - found.created_at < FRESH
    by = actor_of(request)
    usable = fresh and refuse_touch_link(found, by=by) is None and refuse_acceptance(found, now=now) is None
    return _page(request, found, url=url_of(found, now=now) if usable else "", now=now)


@require_POST
@viewer
def show(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Its address, on request."""
    found, now = _found(request, uid), timezone.now()
    url = show_join_link(found, by=actor_of(request), now=now)
    if isinstance(url, Denied):
        return _refused(request, found, url, verb="show")
    return _page(request, _found(request, uid), url=url, now=now)


@require_POST
@viewer
def resend(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Mail it again."""
    found = _found(request, uid)
    result = resend_join_link(found, by=actor_of(request), now=timezone.now())
    if isinstance(result, Denied):
        return _refused(request, found, result, verb="resend")
    messages.success(request, _("The link was mailed to %(email)s again.") % {"email": found.email})
    return redirect("team:link", uid=uid)


@require_POST
@viewer
def revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Nobody joins by it any more."""
    found = _found(request, uid)
    denied = revoke_join_link(found, by=actor_of(request), now=timezone.now())
    if denied is not None:
        return _refused(request, found, denied, verb="revoke")
    messages.success(request, _("The link was revoked. Nobody can join by it any more."))
    return redirect(f"/team/links/{place_of(request, found.company).query}")


def _refused(request: HttpRequest, found: JoinLink, denied: Denied, *, verb: str) -> HttpResponse:
    refused(request, denied, verb=verb, subject=found)
    return redirect("team:link", uid=found.uid)

"""Own sessions: seen, and ended."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.ending import end_own_others
from accounts.sessions import end_sessions, is_locked_now, live_sessions
from audit.record import Origin
from core.http import client_address
from portal.account.door import principal_of, signed_in

SHOWN = 100


def origin_of(request: HttpRequest) -> Origin:
    """The person himself, from where he is."""
    return Origin(actor=principal_of(request).user, address=client_address(request))


@signed_in
def sessions(request: HttpRequest) -> HttpResponse:
    """Every place where the person is signed in, this one first."""
    principal, now = principal_of(request), timezone.now()
    rows = [
        {
            "uid": session.uid,
            "current": session.pk == principal.session.pk,
            "kind": session.get_kind_display(),
            "created_at": session.created_at,
            "last_seen_at": session.seen_at,
            "address": session.address,
            "user_agent": session.user_agent,
            "locked": is_locked_now(session, now=now),
        }
        for session in live_sessions(principal.user, now=now)
        .select_related("user")
        .order_by("-seen_at")[:SHOWN]
    ]
    rows.sort(key=lambda row: not row["current"])
    return render(request, "account/sessions.html", {"sessions": rows})


@require_POST
@signed_in
def end(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """End one."""
    principal, now = principal_of(request), timezone.now()
    found = live_sessions(principal.user, now=now).select_related("user").filter(uid=uid)
    if not found:
        raise Http404
    end_sessions(found, reason="ended_by_owner", origin=origin_of(request), now=now)
    messages.success(request, _("The session was ended."))
    return redirect("account:sessions")


@require_POST
@signed_in
def end_others(request: HttpRequest) -> HttpResponse:
    """End all but this one, and forget all other browsers."""
    session = principal_of(request).session
    ended = end_own_others(session, origin=origin_of(request), now=timezone.now())
    sentence = ngettext("%(count)s other session was ended.", "%(count)s other sessions were ended.", ended)
    messages.success(request, sentence % {"count": ended})
    return redirect("account:sessions")

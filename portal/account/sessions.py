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
from accounts.held import HELD_THROUGH, name_of_holder
from accounts.models import SessionKind
from accounts.pages import actor_of, principal_of, signed_in
from accounts.sessions import end_sessions, is_locked_now, live_sessions

SHOWN = 100


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
            "holder": name_of_holder(session),
            "is_key": session.kind == SessionKind.KEY,
            "locked": is_locked_now(session, now=now),
        }
        for session in live_sessions(principal.user, now=now)
        .select_related("user", *HELD_THROUGH)
        .order_by("-seen_at")[:SHOWN]
    ]
    rows.sort(key=lambda row: not row["current"])
    has_keys = any(row["is_key"] for row in rows)
    return render(request, "account/sessions.html", {"sessions": rows, "has_keys": has_keys})


@require_POST
@signed_in
def end(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """End one."""
    principal, now = principal_of(request), timezone.now()
    found = live_sessions(principal.user, now=now).select_related("user").filter(uid=uid)
    if not found:
        raise Http404
    end_sessions(found, reason="ended_by_owner", origin=actor_of(request).origin, now=now)
    messages.success(request, _("The session was ended."))
    return redirect("account:sessions")


@require_POST
@signed_in
def end_others(request: HttpRequest) -> HttpResponse:
    """End all but this one, and forget all other browsers."""
    session = principal_of(request).session
    ended = end_own_others(session, origin=actor_of(request).origin, now=timezone.now())
    sentence = ngettext("%(count)s other session was ended.", "%(count)s other sessions were ended.", ended)
    messages.success(request, sentence % {"count": ended})
    return redirect("account:sessions")

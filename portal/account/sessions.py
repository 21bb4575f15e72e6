"""Own sessions: seen, and ended."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.ending import end_own_others
from accounts.grants import WRITE
from accounts.held import HELD_THROUGH, name_of_holder
from accounts.models import Session, SessionKind, User
from accounts.pages import actor_of, principal_of, signed_in
from accounts.sessions import end_sessions, is_locked_now, live_sessions

SHOWN = 100
TOLD_FOR = timedelta(days=30)  # of administrators who acted as the person


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
    context = {
        "sessions": rows,
        "has_keys": has_keys,
        "impersonations": _impersonations(principal.user, now=now),
    }
    return render(request, "account/sessions.html", context)


def _impersonations(user: User, *, now: datetime) -> list[dict[str, Any]]:
    """When administrators acted as this person lately, and why."""
    rows = Session.objects.filter(user=user, kind=SessionKind.IMPERSONATION, created_at__gt=now - TOLD_FOR)
    return [
        {
            "who": one.impersonator.display_name if one.impersonator is not None else "",
            "began_at": one.created_at,
            "ended_at": one.ended_at,
            "reads_only": (one.grant or {}).get("impersonation") != WRITE,
            "reason": (one.grant or {}).get("reason", ""),
        }
        for one in rows.select_related("through__user").order_by("-id")[:SHOWN]
    ]


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

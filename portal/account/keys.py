"""Own API keys: seen, made and shown once, named, revoked."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.api_keys import MOST, KeyDraft, make_key, rename_key, revoke_key
from accounts.forms_keys import NameForm, OwnKeyForm
from accounts.models import ApiKey
from accounts.pages import actor_of, principal_of, signed_in
from accounts.sessions import live_sessions
from core.outcomes import Denied
from portal.account.door import confirmed

SOON = timedelta(days=14)


def _live(request: HttpRequest, *, now: datetime) -> Any:
    sessions = live_sessions(principal_of(request).user, now=now)
    return ApiKey.objects.filter(session__in=sessions).select_related("session__user__company")


def _own(request: HttpRequest, uid: uuid.UUID) -> ApiKey:
    found: ApiKey | None = _live(request, now=timezone.now()).filter(uid=uid).first()
    if found is None:
        raise Http404
    return found


@signed_in
def keys(request: HttpRequest) -> HttpResponse:
    """Every live key of the person, the newest first."""
    now = timezone.now()
    rows = [
        {
            "uid": key.uid,
            "name": key.name,
            "hint": key.hint,
            "scopes": key.scopes,
            "created_at": key.session.created_at,
            "expires_at": key.session.expires_at,
            "last_used_at": key.last_used_at,
            "made_by": key.made_by_name,
            "by_other": "rank" in (key.session.grant or {}),
            "soon": key.session.expires_at - now < SOON,
        }
        for key in _live(request, now=now)
    ]
    return render(request, "account/keys.html", {"keys": rows, "most": MOST})


@signed_in
def make(request: HttpRequest) -> HttpResponse:
    """Name, end and scopes of a key; the answer to them is the only page that shows it."""
    form = OwnKeyForm(request.POST or None, rights=principal_of(request).rights)
    if request.method == "POST" and form.is_valid():
        return _make(request, form)
    return render(request, "account/key_new.html", {"form": form})


@confirmed
def _make(request: HttpRequest, form: OwnKeyForm) -> HttpResponse:
    principal = principal_of(request)
    draft = KeyDraft(user=principal.user, **form.cleaned_data)
    made = make_key(draft, session=principal.session, by=actor_of(request), now=timezone.now())
    if isinstance(made, Denied):
        form.add_error(made.field if made.field in form.fields else None, str(made.message))
        return render(request, "account/key_new.html", {"form": form})
    return render(request, "account/key_made.html", {"key": made})


@require_POST
@signed_in
def rename(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Give a key another name."""
    key, form = _own(request, uid), NameForm(request.POST)
    name = form.cleaned_data["name"] if form.is_valid() else ""
    renamed = rename_key(key, name, by=actor_of(request), now=timezone.now())
    if isinstance(renamed, Denied):
        messages.warning(request, str(renamed.message))
    else:
        messages.success(request, _("Saved."))
    return redirect("account:keys")


@require_POST
@signed_in
def revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """End a key."""
    denied = revoke_key(_own(request, uid), by=actor_of(request), now=timezone.now())
    if denied is not None:
        messages.warning(request, str(denied.message))
    else:
        messages.success(request, _("The key was revoked. Whatever uses it is refused."))
    return redirect("account:keys")

"""The applications that the person signs in to from here."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.pages import actor_of, principal_of, signed_in
from oidc.claims import TOLD
from oidc.consents import connected, take_back


@signed_in
def applications(request: HttpRequest) -> HttpResponse:
    """Each with what it knows."""
    rows = [
        {
            "uid": one.client.uid,
            "name": one.client.name,
            "at": one.at,
            "told": [sentence for scope, sentence in TOLD.items() if scope in one.scopes],
        }
        for one in connected(principal_of(request).user, now=timezone.now())
    ]
    return render(request, "account/applications.html", {"applications": rows})


@require_POST
@signed_in
def disconnect(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Take it back. No new proof is asked for: it only closes something."""
    user, now = principal_of(request).user, timezone.now()
    client = next((one.client for one in connected(user, now=now) if one.client.uid == uid), None)
    if client is None:
        raise Http404
    take_back(user, client, origin=actor_of(request).origin, now=now)
    messages.success(request, _("%(name)s is no longer connected.") % {"name": client.name})
    return redirect("account:applications")

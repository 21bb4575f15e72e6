"""What the pages of /account/ share: who is signed in, and the way to confirm first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.middleware import CONFIRM_URL, typed_in
from accounts.principal import Principal
from twofactor.services.recent import refuse_unproved

View = Callable[..., HttpResponse]
# Pages that both ask and do: after confirming, people land where they were.
_OPENS_AGAIN = {"add-app", "add-passkey", "set-up-app", "recovery", "remove-factor"}


def principal_of(request: HttpRequest) -> Principal:
    """Who is signed in, behind `signed_in`."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def signed_in(view: View) -> View:
    """Let in who is signed in; anybody else signs in first and comes back."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.principal is None:  # type: ignore[attr-defined]
            target = request.get_full_path() if request.method == "GET" else request.path
            return redirect(f"{reverse('login:username')}?{urlencode({'next': target})}")
        return view(request, *args, **kwargs)

    return inner


def confirmed(view: View) -> View:
    """Let in who has proved recently who he is; anybody else confirms first, and what was typed is kept meanwhile."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if refuse_unproved(principal_of(request).session, now=timezone.now()) is None:
            return view(request, *args, **kwargs)
        if typed := typed_in(request):
            context = {
                "title": _("Confirm that it is still you"),
                "confirm_url": CONFIRM_URL,
                "resend": typed,
                "action": request.get_full_path(),
            }
            return render(request, "login/locked.html", context, status=403)
        back = "/account/contacts/" if request.path.startswith("/account/contacts/") else "/account/security/"
        match = request.resolver_match
        if match is not None and match.url_name in _OPENS_AGAIN:
            back = request.path
        return redirect(f"{reverse('login:confirm')}?{urlencode({'next': back})}")

    return inner

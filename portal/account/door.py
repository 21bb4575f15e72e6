"""What the pages of /account/ share: who is signed in, and the way to confirm first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.principal import Principal
from core.http import client_address
from portal.confirming import way_to_confirm
from tenants.actor import Actor

View = Callable[..., HttpResponse]
# Pages that both ask and do: after confirming, people land where they were.
_OPENS_AGAIN = {"password", "add-app", "add-passkey", "make-key", "set-up-app", "recovery", "remove-factor"}


def principal_of(request: HttpRequest) -> Principal:
    """Who is signed in, behind `signed_in`."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def actor_of(request: HttpRequest) -> Actor:
    """The same as the one who acts, as verbs take him."""
    return principal_of(request).actor(address=client_address(request))


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
        back = "/account/contacts/" if request.path.startswith("/account/contacts/") else "/account/security/"
        match = request.resolver_match
        if match is not None and match.url_name in _OPENS_AGAIN:
            back = request.path
        way = way_to_confirm(request, principal_of(request), back=back)
        return way if way is not None else view(request, *args, **kwargs)

    return inner

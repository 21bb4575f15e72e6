"""What pages for people who are signed in share: who it is, and the way to sign in first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.principal import Principal
from core.http import client_address
from tenants.actor import Actor

View = Callable[..., HttpResponse]


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

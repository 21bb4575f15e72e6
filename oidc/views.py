"""Where clients of OpenID Connect send browsers: thin doors to the modules beside this one. Those for programs are in `oidc.endpoints`."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.middleware import CONFIRM_URL, LOGIN_HINT, sign_out_here
from accounts.principal import Principal
from accounts.sessions import Client as Program
from accounts.tokens import openid
from accounts.tokens.signed import issuer
from audit.events import Event
from audit.record import record
from core.buckets import Buckets
from core.db import unit
from core.http import client_address, user_agent
from oidc import protocol
from oidc.authorizing import (
    SINCE_LIFE,
    agree,
    client_named,
    issue_code,
    mark_of,
    next_for,
    request_of,
    shortened,
    since_of,
)
from oidc.claims import TOLD
from oidc.decision import NO_FACTOR, Next
from oidc.ending import leave, may_go_on_to
from oidc.endpoints import form_of
from oidc.models import Client
from oidc.protocol import Asked, Refused, Unsafe, answer, once, origin_of, with_query

logger = logging.getLogger(__name__)
NO_SIGN_IN, NO_SIGN_OUT = __("This sign-in cannot go on"), __("This sign-out cannot go on")
CAME = "came-"  # cookies with the mark of a request for which the browser was sent to a sign-in
MOST_WAITING = 10
Onward = Callable[[HttpRequest, Client, str], HttpResponse]
# Refusals that say something of the person. A client that only looks whether somebody is signed in does not fill the trail.
_TRAIL = frozenset({"access_denied", "unmet_authentication_requirements"})
_SAID_NO = ("access_denied", "The person said no.")
_noted = Buckets(60)
_codes = Buckets(60)
_NOT_ONWARD = __(
    "The application wanted to send you on to an address that is not registered for it, so you stay here."
)
_WHY = {
    "unknown_client": __(
        "The application that sent you here is not known, was switched off, or does not say who it is."
    ),
    "redirect_uri": __("The application that sent you here names an address that is not registered for it."),
    "twice": __("The application that sent you here says something twice, or what cannot be read."),
    "too_long": __("The application that sent you here says more than is taken."),
}


class _Redirect(HttpResponseRedirect):
    allowed_schemes: list[str]  # any that was registered: programs have schemes of their own


def _back(uri: str) -> HttpResponse:
    scheme = uri.partition(":")[0]
    kind = type("Redirect", (_Redirect,), {"allowed_schemes": [scheme], "status_code": 303})
    response: HttpResponse = kind(uri)
    return response


def _principal_of(request: HttpRequest) -> Principal | None:
    principal: Principal | None = request.principal  # type: ignore[attr-defined]
    return principal


def _program_of(request: HttpRequest) -> Program:
    return Program(address=client_address(request), user_agent=user_agent(request))


@method_decorator(csrf_exempt, name="dispatch")
class AuthorizeView(View):
    """Where a client sends the browser. Nothing is given by opening it but what the person has agreed to before."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Go on to whatever comes next: sign-in, confirmation, the question, or back with a code."""
        return _take(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """The same from a form of the client's: no cookie comes along with that, so the browser is sent here once more."""
        return _once_more(request, form_of(request) or {})


def _once_more(request: HttpRequest, given: Mapping[str, str]) -> HttpResponse:
    response = redirect(f"{request.path}?{urlencode(given)}")
    response.status_code = 303
    return response


@require_POST
def answered(request: HttpRequest) -> HttpResponse:
    """The answer to the question."""
    return _take(request, allowed="allow" in request.POST, denied="deny" in request.POST)


@require_POST
def other_person(request: HttpRequest) -> HttpResponse:
    """The browser is somebody else's: this session ends, and the request goes on with a sign-in."""
    query = shortened(request.META.get("QUERY_STRING", ""))
    return sign_out_here(request, _sent_to(reverse("login:username"), query, request, since=None))


def _take(request: HttpRequest, *, allowed: bool = False, denied: bool = False) -> HttpResponse:
    now, principal = timezone.now(), _principal_of(request)
    query = shortened(request.META.get("QUERY_STRING", ""))
    found = request_of(query)
    if isinstance(found, Unsafe):
        return _unsafe(request, found)
    client, asked = found
    since = since_of(request.COOKIES.get(_cookie_of(query), ""), query, now=now)
    # A browser that has just sent a form of ours may not be sent elsewhere by a redirect: the policy of that page forbids it.
    onward = _by_page if request.method == "POST" or since is not None else _by_redirect
    refuse = partial(_refused, request, client, onward=onward)
    if isinstance(asked, Refused):
        return refuse(asked)
    locked = bool(getattr(request, "locked", False))
    following = next_for(client, asked, principal, locked=locked, since=since, now=now)
    if isinstance(following, Refused):
        return refuse(following)
    if following is Next.SIGN_IN or principal is None:
        return _sent_to(reverse("login:username"), query, request, since=since, name=asked.name)
    if following is Next.CONFIRM and (locked or not denied):
        return _sent_to(CONFIRM_URL, query, request, since=since)
    if denied:
        return refuse(asked.refused(*(NO_FACTOR if following is Next.SET_UP else _SAID_NO)))
    if following is Next.SET_UP:
        context = {"client": client, "query": query, "again": "again" in request.POST}
        response = render(request, "oidc/set_up.html", context)
        # What was proved until now is no proof by what is to be turned on.
        _forget(response, _cookie_of(query))
        return response
    if following is Next.CONSENT and not allowed:
        return _consent(request, client, asked, principal, query=query)
    if _codes.take(principal.caller_id, now=time.monotonic()).refused:
        return refuse(asked.refused("temporarily_unavailable", "Too many sign-ins in a minute."))
    program = _program_of(request)
    if allowed and client.asks_consent:
        origin = principal.actor(address=program.address).origin
        agree(client, principal.user, asked.scope, origin=origin, now=now)
    code = issue_code(client, asked, principal, program=program, now=now)
    if code is None:
        return refuse(asked.refused("login_required", "The account has just changed."))
    uri = answer(asked.redirect_uri, issuer=issuer(), state=asked.state, code=code)
    response = onward(request, client, uri)
    _forget(response, _cookie_of(query))
    return response


def _cookie_of(query: str) -> str:
    """One for each request, so that two windows do not take each other's."""
    return f"{CAME}{hashlib.sha256(query.encode()).hexdigest()[:12]}"


def _forget(response: HttpResponse, name: str) -> None:
    response.delete_cookie(name, path=reverse("oidc:authorize"), samesite="Lax")


def _sent_to(
    door: str, query: str, request: HttpRequest, *, since: datetime | None, name: str = ""
) -> HttpResponse:
    """The browser goes to a door of the sign-in and comes back; it keeps when it came first."""
    here = reverse("oidc:authorize")
    given = {"next": f"{here}?{query}"} | ({LOGIN_HINT: name} if name else {})
    response = redirect(f"{door}?{urlencode(given)}")
    if since is None:
        kept = [name for name in request.COOKIES if name.startswith(CAME)]
        for name in kept if len(kept) >= MOST_WAITING else ():
            _forget(response, name)  # whoever makes a browser ask for ever fills no jar
        response.set_cookie(
            _cookie_of(query),
            mark_of(query, now=timezone.now()),
            max_age=int(SINCE_LIFE.total_seconds()),
            secure=settings.HTTPS,
            httponly=True,
            samesite="Lax",
            path=here,
        )
    return response


def _by_redirect(_request: HttpRequest, _client: Client, uri: str) -> HttpResponse:
    return _back(uri)


def _by_page(request: HttpRequest, client: Client | None, uri: str) -> HttpResponse:
    response = render(request, "oidc/onward.html", {"client": client, "uri": uri})
    response["Cache-Control"] = "no-store"
    return response


def _unsafe(request: HttpRequest, unsafe: Unsafe, *, title: str | Promise = NO_SIGN_IN) -> HttpResponse:
    context: dict[str, Any] = {"title": title, "sentence": _WHY[unsafe.why]}
    if unsafe.address:  # the page shows nothing that whoever made the link could have written into it
        logger.warning("a client names an address that is not registered for it: %s", unsafe.address)
    if _principal_of(request) is not None:
        context["actions"] = [{"url": "/", "label": _("To the dashboard")}]
    return render(request, "login/ended.html", context, status=400)


def _refused(request: HttpRequest, client: Client, refused: Refused, *, onward: Onward) -> HttpResponse:
    principal = _principal_of(request)
    if principal is not None and refused.error in _TRAIL:
        _note(request, principal, client, refused)
    said = {"error": refused.error, "error_description": refused.description}
    return onward(request, client, answer(refused.redirect_uri, issuer=issuer(), state=refused.state, **said))


def _note(request: HttpRequest, principal: Principal, client: Client, refused: Refused) -> None:
    """Written down where the person belongs: another company's trail tells nobody who tried to get in."""
    if _noted.take(principal.caller_id, now=time.monotonic()).refused:
        return
    with unit():
        record(
            Event.CLIENT_REFUSED,
            origin=principal.actor(address=client_address(request)).origin,
            at=timezone.now(),
            company_id=principal.user.company_id,
            subject=client,
            reason=refused.error,
        )


def _consent(
    request: HttpRequest, client: Client, asked: Asked, principal: Principal, *, query: str
) -> HttpResponse:
    context = {
        "client": client,
        "principal": principal,
        "told": [TOLD[one] for one in asked.scope if one in TOLD],
        "host": origin_of(asked.redirect_uri),
        "query": query,
    }
    return render(request, "oidc/consent.html", context)


# --- the end -------------------------------------------------------------------------------------------------------------------


@method_decorator(csrf_exempt, name="dispatch")
class LogoutView(View):
    """Where a client sends the browser to be signed out (OpenID Connect RP-Initiated Logout 1.0)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Sign out at once where an ID token of this very sign-in comes along; else ask. What the token stands for ends in any case."""
        given = once(parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True)) or {}
        hint = openid.read_hint(given.get("id_token_hint", ""))
        client_id = hint.client_id if hint is not None else given.get("client_id", "")
        client = client_named(client_id)
        if given.get("client_id", client_id) != client_id:
            return _unsafe(request, Unsafe(why="unknown_client"), title=NO_SIGN_OUT)
        uri, state = (
            given.get("post_logout_redirect_uri", ""),
            given.get("state", "")[: protocol.LONGEST_STATE],
        )
        onward = with_query(uri, state=state) if uri and may_go_on_to(client, uri) else ""
        principal = _principal_of(request)
        source = leave(hint.session, address=client_address(request)) if hint is not None else None
        if uri and not onward:
            messages.warning(request, _NOT_ONWARD)
        there = _back(onward) if onward else redirect("login:username")
        if principal is None:
            return there
        if source == principal.session.pk:
            return sign_out_here(request, there)
        context = {
            "client": client,
            "principal": principal,
            "onward": uri if onward else "",
            "state": state,
            "stay": onward or "/",
        }
        return render(request, "oidc/logout.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """The same from a form of the client's."""
        return _once_more(request, form_of(request) or {})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """The person says yes."""
    client = client_named(request.POST.get("client_id", ""))
    uri, state = request.POST.get("onward", ""), request.POST.get("state", "")[: protocol.LONGEST_STATE]
    onward = with_query(uri, state=state) if uri and may_go_on_to(client, uri) else ""
    there = _by_page(request, client, onward) if onward else redirect("login:username")
    return sign_out_here(request, there)

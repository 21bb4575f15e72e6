"""Gives each request its principal from the session cookie, and stops where the session is locked."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.models import Session, SessionKind
from accounts.principal import Principal, principal_of_cookie
from accounts.sessions import SESSION, end_sessions, idle_lock_due, lock_if_idle, note_use
from core import entropy
from core.http import client_address
from core.middleware import API_PREFIX, problem
from core.outcomes import Denied

SESSION_COOKIE = f"{settings.COOKIE_PREFIX}session"
IMPERSONATION_COOKIE = (
    f"{settings.COOKIE_PREFIX}impersonation"  # of the session as somebody else, beside one's own
)
BROWSER_COOKIE = f"{settings.COOKIE_PREFIX}browser"
BROWSER_COOKIE_SECONDS = 365 * 24 * 3600
# Where a locked session may still go: to confirm, to sign out, and to what needs no session.
OPEN_WHEN_LOCKED = ("/login/", "/sso/", "/logout/", "/o/", "/static/", "/livez", "/readyz")
CONFIRM_URL = "/login/confirm/"
LOGIN_HINT = "login_hint"  # to the sign-in page: the name that it proposes
# A sign-in through an integration whose token bounds it (`accounts.grants`) reaches neither the own account nor the administration,
# of which the team is a part.
SHUT_WHEN_BOUNDED = ("/account/", "/admin/", "/team/", "/login/confirm/")
# Where whoever acts as somebody else and only reads may still send something: to stop.
OPEN_WHEN_READING = ("/impersonation/", "/logout/")
READS_ONLY = Denied(
    code="read_only", message=_("You act as another person and only read. Nothing was changed.")
)
IMPERSONATION_OVER = Denied(
    code="impersonation_over",
    message=_("Your time as another person is over. What you have just opened or sent was not done."),
)
# Pages inside other sites: the cookie of whoever is signed in beside them makes no difference there, and is not even looked at.
WITHOUT_SESSION = ("/embed/", "/cobrowse/js/")
_SECRET_WORDS = ("password", "code", "csrfmiddlewaretoken")


def set_session_cookie(response: HttpResponseBase, secret: str) -> None:
    """Give the browser the secret of its session; it ends with the browser, the session by its own clock."""
    response.set_cookie(
        SESSION_COOKIE, secret, secure=settings.HTTPS, httponly=True, samesite="Lax", path="/"
    )


def clear_session_cookie(response: HttpResponseBase) -> None:
    """Take the session's secret from the browser."""
    response.delete_cookie(SESSION_COOKIE, path="/", samesite="Lax")


def set_impersonation_cookie(response: HttpResponseBase, secret: str) -> None:
    """Let the browser act as somebody else; it does so only together with the session cookie of whoever began it."""
    response.set_cookie(
        IMPERSONATION_COOKIE, secret, secure=settings.HTTPS, httponly=True, samesite="Lax", path="/"
    )


def clear_impersonation_cookie(response: HttpResponseBase) -> None:
    """The browser stands for its own person again."""
    response.delete_cookie(IMPERSONATION_COOKIE, path="/", samesite="Lax")


def sign_out_here(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """End the session of this browser, if it has one; the same answer, with which it forgets it."""
    principal: Principal | None = request.principal  # type: ignore[attr-defined]
    if principal is not None:
        # Whoever acts as another person signs out of both: the browser is nobody's afterwards.
        held = [one.session for one in (principal, principal.behind) if one is not None]
        origin = principal.actor(address=client_address(request)).origin
        end_sessions(held, reason="signed_out", origin=origin, now=timezone.now())
    clear_session_cookie(response)
    clear_impersonation_cookie(response)
    response["Clear-Site-Data"] = '"cache"'
    return response


def set_browser_cookie(response: HttpResponseBase, token: str) -> None:
    """Let the browser be recognised the next time."""
    response.set_cookie(
        BROWSER_COOKIE,
        token,
        max_age=BROWSER_COOKIE_SECONDS,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def _from_cookie(request: HttpRequest, *, now: datetime) -> Principal | None:
    secret = request.COOKIES.get(SESSION_COOKIE, "")
    if not secret or len(secret) > 200:
        return None
    for fingerprint in entropy.fingerprints(secret, purpose=SESSION):
        principal = principal_of_cookie(fingerprint)
        if (
            principal is not None
            and principal.session.kind == SessionKind.PAGE
            and principal.is_live(now=now)
        ):
            return principal
    return None


def _impersonated(request: HttpRequest, own: Principal, *, now: datetime) -> Principal | None:
    """The person as whom the browser acts by this cookie; None when that holds no longer."""
    secret = request.COOKIES[IMPERSONATION_COOKIE]
    for fingerprint in entropy.fingerprints(secret[:200], purpose=SESSION):
        found = principal_of_cookie(fingerprint)
        if found is not None and found.session.through_id == own.session.pk and found.is_live(now=now):
            return found
    return None


def is_locked(session: Session, *, now: datetime) -> bool:
    """Whether the person has to confirm before going on."""
    return session.locked_at is not None or (
        idle_lock_due(session, now=now) and lock_if_idle(session, now=now)
    )


def typed_in(request: HttpRequest) -> list[tuple[str, str]]:
    """What was typed into a form, except secrets: it stays in a page, in the browser alone, until it is sent again."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if not any(word in name.lower() for word in _SECRET_WORDS)
        for value in values
    ]


def _may_send(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD", "OPTIONS"} or request.path.startswith(OPEN_WHEN_READING)


def _asks_by_itself(request: HttpRequest) -> bool:
    """Whether a page that is open asks this now and then: that is no use by the person, who may have gone."""
    if request.path == "/o/authorize/":
        return "prompt=none" in request.META.get("QUERY_STRING", "")
    return request.path.startswith("/cobrowse/agent/") and request.path.endswith("/state")


def _shut(request: HttpRequest, principal: Principal) -> None:
    if principal.is_bounded and request.path.startswith(SHUT_WHEN_BOUNDED):
        raise PermissionDenied


class SessionMiddleware:
    """Sets `request.principal` (or None) and `request.user`; a locked session gets the confirm page instead of the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        principal = None if request.path.startswith(WITHOUT_SESSION) else _from_cookie(request, now=now)
        request.principal = principal  # type: ignore[attr-defined]
        request.locked = False  # type: ignore[attr-defined]
        request.user = principal.user if principal is not None else AnonymousUser()
        if principal is not None:
            if is_locked(principal.session, now=now):
                if not request.path.startswith(OPEN_WHEN_LOCKED):
                    return self._locked(request)
                request.locked = True  # type: ignore[attr-defined]
            elif not _asks_by_itself(request):
                note_use(principal.session, now=now)
            if not request.locked and request.COOKIES.get(IMPERSONATION_COOKIE):  # type: ignore[attr-defined]
                acting = _impersonated(request, principal, now=now)
                if acting is None:
                    _shut(request, principal)
                    return self._over(request)
                principal = self._act(request, acting, now=now)
                if principal.reads_only and not _may_send(request):
                    return self._refused(request, READS_ONLY)
            _shut(request, principal)
        return self.get_response(request)

    def _act(self, request: HttpRequest, acting: Principal, *, now: datetime) -> Principal:
        request.principal, request.user = acting, acting.user  # type: ignore[attr-defined]
        note_use(acting.session, now=now)
        if acting.behind is not None:
            note_use(acting.behind.session, now=now)
        return acting

    def _over(self, request: HttpRequest) -> HttpResponse:
        """Whatever this browser asks for was meant to be done as the other person, and not as its own."""
        if request.path.startswith(OPEN_WHEN_LOCKED):
            return self.get_response(request)
        response = self._refused(request, IMPERSONATION_OVER)
        clear_impersonation_cookie(response)
        return response

    def _refused(self, request: HttpRequest, denied: Denied) -> HttpResponse:
        if request.path.startswith(API_PREFIX):
            return problem(request.path, 403, denied.code, str(denied.message))
        context = {"denied": denied, "over": denied is IMPERSONATION_OVER}
        return TemplateResponse(request, "login/impersonation.html", context, status=403).render()

    def _locked(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(API_PREFIX):
            return problem(
                request.path,
                401,
                "session_locked",
                "The session is locked because it was idle. Confirm the password on a page.",
            )
        if request.method in {"GET", "HEAD"}:
            return redirect(f"{CONFIRM_URL}?{urlencode({'next': request.get_full_path()})}")
        # Sending it again would vouch for it, so what another site made the browser send is not kept.
        foreign = CsrfViewMiddleware(self.get_response).process_view(request, self._locked, (), {})
        if foreign is not None:
            return foreign
        context = {"confirm_url": CONFIRM_URL, "resend": typed_in(request), "action": request.get_full_path()}
        response = TemplateResponse(request, "login/locked.html", context, status=403)
        return response.render()

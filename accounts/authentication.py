"""Who calls the API: the bearer of an access token or API key, else the session of a page."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

from accounts.bearer import principal_of_assertion
from accounts.middleware import READS_ONLY
from accounts.models import User
from accounts.principal import Principal
from accounts.sessions import Client, note_use
from accounts.tokens.foreign import LONGEST, Flawed
from accounts.tokens.verify import principal_of_token
from core.http import client_address, user_agent
from core.refusals import Refused


# Made anew each time: Python hangs every request that raised it on an exception that is shared.
def invalid_token() -> AuthenticationFailed:
    """The refusal of a bearer."""
    return AuthenticationFailed(_("The access token does not hold."), code="invalid_token")


def session_locked() -> AuthenticationFailed:
    """The refusal of a session that was idle."""
    sentence = _("The session is locked because it was idle. Confirm the password on a page.")
    return AuthenticationFailed(sentence, code="session_locked")


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason  # in place of a page


def _refuse_forgery(request: HttpRequest) -> None:
    """Ask a browser's unsafe request for the token of its page: a foreign site can send the cookie, but not this."""
    check = _CsrfCheck(lambda _request: None)  # type: ignore[arg-type]
    check.process_request(request)
    if check.process_view(request, lambda: None, (), {}):  # type: ignore[arg-type,return-value]
        raise PermissionDenied(_("The CSRF token is missing or wrong."), code="csrf_failed")


def principal_of(request: Request) -> Principal:
    """The principal behind a request that has passed authentication."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


class OwnSignIn(IsAuthenticated):
    """Lets in whoever signed in himself; keys and tokens of integrations only where the view says `for_programs`.

    Their rights bound what they do to others. What somebody does to himself (factors, password, sessions) needs no right, so it must
    stay closed to them: else a key makes a passkey, and outlives its own end.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether this caller may use this view at all."""
        if not super().has_permission(request, view):
            return False
        return not principal_of(request).is_bounded or getattr(view, "for_programs", False)


class BearerOrSession(BaseAuthentication):
    """Sets `request.principal`. A token counts in the header Authorization alone: one in a URL would end in logs and histories.

    A header that names a token decides alone, so that a bad token never falls back to whoever the cookie names.
    """

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """The person and the principal; None when the request names nobody."""
        request.principal = None  # type: ignore[attr-defined]
        header = request.META.get("HTTP_AUTHORIZATION")
        principal = (
            self._bearer(header, request._request) if header is not None else self._cookie(request._request)
        )
        if principal is None:
            return None
        if principal.reads_only and request.method not in SAFE_METHODS:
            raise Refused(READS_ONLY)
        request.principal = principal  # type: ignore[attr-defined]
        return principal.user, principal

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for (RFC 6750, 3)."""
        return challenge(failed="HTTP_AUTHORIZATION" in request.META)

    def _bearer(self, header: str, request: HttpRequest) -> Principal:
        scheme, _space, token = header.partition(" ")
        now = timezone.now()
        if scheme.lower() != "bearer" or not token or len(token) > LONGEST:
            raise invalid_token()
        principal = principal_of_token(token.strip(), now=now) or self._vouched(
            token.strip(), request, now=now
        )
        if principal.session.locked_at is not None:
            raise session_locked()
        note_use(principal.session, now=now)
        return principal

    def _vouched(self, token: str, request: HttpRequest, *, now: datetime) -> Principal:
        """The bearer of a token that an integration signed; whose it is nobody's, the answer is that of a bad token of ours."""
        client = Client(address=client_address(request), user_agent=user_agent(request))
        found = principal_of_assertion(token, client=client, now=now)
        if isinstance(found, Flawed):
            raise AuthenticationFailed(str(found.message), code=found.code)
        if found is None:
            raise invalid_token()
        return found

    def _cookie(self, request: HttpRequest) -> Principal | None:
        principal: Principal | None = getattr(request, "principal", None)
        if principal is not None:
            _refuse_forgery(request)
        return principal


def challenge(*, failed: bool) -> str:
    """The header WWW-Authenticate."""
    return 'Bearer realm="Gatehouse"' + (', error="invalid_token"' if failed else "")

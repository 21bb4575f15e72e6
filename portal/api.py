"""The REST API as a whole: its addresses, and the one table from refusals and errors to HTTP."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404
from django.urls import include, path
from django.utils.translation import gettext as _
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.api import Companies, MeView, Sessions
from accounts.api_embed import EmbeddedSignIn
from accounts.api_joining import JoinLinks, ManyJoinLinks
from accounts.api_persons import Persons
from accounts.authentication import BearerOrSession, challenge
from accounts.principal import Principal
from accounts.tokens.api import Introspect, Refresh, Revoke, jwks
from accounts.trespass import note_trespass
from audit.api import AuditEvents
from cobrowse.api import Applications, CobrowseSessions
from cobrowse.api_agent_tokens import AgentTokens, OneAgentToken
from configserver.api import Directories, DirectoryPermissions, DirectoryRoles, Tenants
from configserver.api_packages import SolutionPackages
from core.errors import PortalError
from core.middleware import as_read_by, media_of_problem, problem_body
from core.outcomes import Denied
from core.refusals import Refused
from delivery.api import Deliveries
from login.api_urls import urlpatterns as login_urls
from login.help.api import HelpRequests
from oidc.api import Clients
from oidc.credentials import BASIC, ClientCredentials, MayAsk
from portal.api_impersonation import People
from portal.api_integrations import Integrations
from portal.api_keys import ApiKeys
from portal.api_prerequisites import PrerequisitesView
from portal.api_signing_keys import SigningKeys
from tenants.api import CompanySettings, Permissions, Privileges, Revisions, Roles, Settings
from twofactor.api_urls import urlpatterns as twofactor_urls
from twofactor.contract import verification_service

PROBLEM = "application/problem+json"

# Refusal or error code -> HTTP status. A refusal whose code stands nowhere is a bad request.
STATUS: Mapping[str, int] = {
    # what was sent
    "invalid": 400,
    "bad_request": 400,
    "bad_package": 400,
    "bad_idempotency_key": 400,
    "bad_key": 400,
    "global_only": 400,
    "password_rules": 400,
    "private_key": 400,
    "reason_needed": 400,
    "role_of_other_company": 400,
    "secret_needed": 400,
    "second_needed": 409,
    "unknown_setting": 400,
    # who sent it
    "unauthenticated": 401,
    "invalid_token": 401,
    "invalid_client": 401,
    "invalid_grant": 401,
    "session_locked": 401,
    "try_again": 401,
    "code_expired": 401,
    "sends_used_up": 401,
    "checks_used_up": 401,
    "expired": 401,
    "denied": 401,
    # what he may do
    "forbidden": 403,
    "confirm_first": 403,
    "read_only": 403,
    "impersonation_over": 403,
    "csrf_failed": 403,
    "untrusted_origin": 403,
    "privilege_not_held": 403,
    "agent_token_invalid": 403,
    "agent_token_missing": 403,
    "controller_only": 403,
    "no_company": 403,
    "account_too_new": 403,
    "not_yours_to_decide": 403,
    "origin_not_allowed": 403,
    "privilege_missing": 403,
    "rank_too_high": 403,
    "reach_not_held": 403,
    # what is there
    "device_not_found": 404,
    "not_found": 404,
    "recording_not_found": 404,
    "session_not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    # how it stands
    "already_confirmed": 409,
    "already_invited": 409,
    "already_member": 409,
    "built_in": 409,
    "conflict": 409,
    "fixed": 409,
    "idempotency_under_way": 409,
    "in_use": 409,
    "kept_elsewhere": 409,
    "key_exists": 409,
    "last_administrator": 409,
    "link_unusable": 409,
    "name_taken": 409,
    "no_address": 409,
    "no_key_address": 400,
    "not_live": 409,
    "not_locked": 409,
    "not_open": 409,
    "not_retryable": 409,
    "not_asked": 409,
    "not_waiting": 409,
    "not_recoverable": 409,
    "number_wrong": 400,
    "not_verified": 409,
    "number_refused": 409,
    "factor_required": 409,
    "factor_needed_first": 409,
    "method_not_permitted": 409,
    "too_many_factors": 409,
    "too_many_links": 409,
    "too_many_keys": 409,
    "cannot_sign_in": 409,
    "twice": 409,
    "nothing_changed": 409,
    "origin_taken": 409,
    "out_of_turn": 409,
    "own_account": 409,
    "own_company": 409,
    "passkey_exists": 409,
    "passkeys_unavailable": 409,
    "package_exists": 409,
    "pinned": 409,
    "rolled_back": 409,
    "session_ended": 409,
    "session_not_active": 409,
    "session_taken": 409,
    "superseded": 409,
    "too_many_sessions": 409,
    "too_many_tenants": 409,
    "unknown_role": 409,
    "unknown_tenant": 409,
    "too_slow": 408,
    "too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_mismatch": 422,
    "too_many": 429,
    "texts_used_up": 429,
    "unavailable": 503,
}
_CODES: Mapping[type[exceptions.APIException], str] = {
    exceptions.NotAuthenticated: "unauthenticated",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.ParseError: "bad_request",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
}


def problem_of(denied: Denied, **more: Any) -> Response:
    """The answer to a refusal, with further members of the problem document."""
    status = STATUS.get(denied.code, 400)
    if denied.field:
        more["errors"] = {denied.field: [str(denied.message)]}
    if denied.retry_after is not None:
        more["retry_after"] = denied.retry_after
    return _answer(status, denied.code, str(denied.message), **more)


def _answer(status: int, code: str, detail: str, **more: Any) -> Response:
    response = Response(problem_body(status, code, detail, **more), status=status, content_type=PROBLEM)
    if status == 401:
        response["WWW-Authenticate"] = (
            BASIC if code == "invalid_client" else challenge(failed=code == "invalid_token")
        )
    if "retry_after" in more:
        response["Retry-After"] = str(more["retry_after"])
    return response


def problem_of_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to what a view raised; None leaves it to `core.middleware` (outages) and to Django (our own faults)."""
    response = _problem_of(error, context)
    if response is not None:
        path = context["request"].path
        response.data, response.content_type = as_read_by(path, response.data), media_of_problem(path)
    return response


def _problem_of(error: Exception, context: Mapping[str, Any]) -> Response | None:
    if isinstance(error, Refused):
        _note_trespass(error.denied, context["request"])
        return problem_of(error.denied, **error.more)
    if isinstance(error, exceptions.ValidationError):
        return _answer(400, "invalid", _("Some values do not fit."), errors=_by_field(error.detail))
    if isinstance(error, exceptions.Throttled):
        wait = max(1, round(getattr(error, "wait", None) or 1))
        return _answer(
            429, "too_many", _("Too many requests. Please wait a little and try again."), retry_after=wait
        )
    if isinstance(error, Http404):
        error = exceptions.NotFound(_("There is nothing at this address."))
    if isinstance(error, DjangoPermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        code = _CODES.get(type(error), str(error.get_codes()))
        if isinstance(error, exceptions.PermissionDenied) and error.get_codes() == "csrf_failed":
            code = "csrf_failed"
        return _answer(error.status_code, code, str(error.detail))
    if isinstance(error, PortalError) and error.status < 500:
        return _answer(error.status, error.code, str(error))
    return None


def _by_field(detail: Any, path: str = "") -> dict[str, list[str]]:
    """The sentences of a validation error by the field they are about; `body` where they are about the whole."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for name, below in detail.items():
            own = "" if name == "non_field_errors" else f".{name}"
            for field, sentences in _by_field(below, _sendable(f"{path}{own}".lstrip("."))).items():
                found.setdefault(field, []).extend(sentences)
        return found
    sentences = detail if isinstance(detail, list) else [detail]
    return {path or "body": [_sendable(str(one)) for one in sentences]}


def _sendable(text: str) -> str:
    # A sentence may repeat what came in, and half of a surrogate pair cannot go out.
    return text.encode(errors="replace").decode()


def _note_trespass(denied: Denied, request: Request) -> None:
    principal = getattr(request, "principal", None)
    if isinstance(principal, Principal):
        note_trespass(principal, denied, request._request)


class _Docs(SpectacularSwaggerSplitView):
    url_name = "schema"
    template_name = "api/docs.html"  # the library's own has a style element, which the CSP stops


router = SimpleRouter(use_regex_path=False)
router.register("users", People, basename="user")
router.register("companies", Companies, basename="company")
router.register("roles", Roles, basename="role")
router.register("privileges", Privileges, basename="privilege")
router.register("permissions", Permissions, basename="permission")
router.register("persons", Persons, basename="person")
router.register("tenants", Tenants, basename="tenant")
router.register("directories", Directories, basename="directory")
router.register("directory-roles", DirectoryRoles, basename="directory-role")
router.register("directory-permissions", DirectoryPermissions, basename="directory-permission")
router.register("solution-packages", SolutionPackages, basename="solution-package")
router.register("join-links", JoinLinks, basename="join-link")
router.register("sessions", Sessions, basename="session")
router.register("signing-keys", SigningKeys, basename="signing-key")
router.register("integrations", Integrations, basename="integration")
router.register("clients", Clients, basename="client")
router.register("api-keys", ApiKeys, basename="api-key")
router.register("applications", Applications, basename="application")
router.register("cobrowse-sessions", CobrowseSessions, basename="cobrowse-session")
router.register("help-requests", HelpRequests, basename="help-request")
router.register("audit-events", AuditEvents, basename="audit-event")
router.register("deliveries", Deliveries, basename="delivery")
router.register("settings/revisions", Revisions, basename="revision")

v1 = [
    path("me/", MeView.as_view(), name="me"),
    path("embed/sign-in/", EmbeddedSignIn.as_view(), name="embed-sign-in"),
    path("tokens/refresh/", Refresh.as_view(), name="token-refresh"),
    path(
        "tokens/revoke/",
        Revoke.as_view(authentication_classes=(ClientCredentials,)),
        name="token-revoke",
    ),
    path(
        "tokens/introspect/",
        # Clients of OpenID Connect ask about their own tokens here, too.
        Introspect.as_view(
            authentication_classes=(ClientCredentials, BearerOrSession), permission_classes=(MayAsk,)
        ),
        name="token-introspect",
    ),
    path("settings/", Settings.as_view(), name="settings"),
    path("companies/<uuid:id>/settings/", CompanySettings.as_view(), name="company-settings"),
    path("join-links/bulk/", ManyJoinLinks.as_view(), name="join-links-bulk"),
    path("cobrowse-sessions/<uuid:id>/agent-tokens/", AgentTokens.as_view(), name="agent-tokens"),
    path(
        "cobrowse-sessions/<uuid:id>/agent-tokens/<uuid:token>/",
        OneAgentToken.as_view(),
        name="agent-token",
    ),
    path("prerequisites/", PrerequisitesView.as_view(), name="prerequisites"),
    *login_urls,
    *twofactor_urls,
    *router.urls,
]
urlpatterns = [
    path("api/v1/", include((v1, "api"))),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", _Docs.as_view(), name="docs"),
    path("api/verification-service/", verification_service, name="verification-service"),
    path(".well-known/jwks.json", jwks, name="jwks"),
]

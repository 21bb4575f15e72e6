"""What programs of clients ask: tokens, userinfo, and where everything is."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.authentication import challenge
from accounts.tokens import openid
from accounts.tokens.keys import ALGORITHM, RSA
from accounts.tokens.signed import issuer
from core.http import client_address
from oidc.authorizing import client_named
from oidc.claims import NAMES, claims_of
from oidc.credentials import BASIC, client_of
from oidc.exchange import Failed, redeem, renew
from oidc.protocol import MFA, PROMPTS, SCOPES, SFA, once

MOST_BODY = 10_000


def _problem(failed: Failed, *, status: int = 400) -> JsonResponse:
    body = {"error": failed.error} | ({"error_description": failed.description} if failed.description else {})
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    if status == 401:
        response["WWW-Authenticate"] = BASIC
    return response


def form_of(request: HttpRequest) -> dict[str, str] | None:
    """The parameters of a body; None where it is none, or says something twice."""
    if request.content_type != "application/x-www-form-urlencoded" or len(request.body) > MOST_BODY:
        return None
    try:
        found = once(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        return None
    return None if found is None else dict(found)


def _shared(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let scripts of other sites read the answer: it is for whoever has the token or code, and no cookie counts."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = HttpResponse(status=204) if request.method == "OPTIONS" else view(request, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        if request.method == "OPTIONS":
            response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response["Access-Control-Allow-Methods"] = "GET, POST"
            response["Access-Control-Max-Age"] = "600"
        return response

    return inner


@csrf_exempt
@_shared
def token(request: HttpRequest) -> HttpResponse:
    """A code or a refresh token for tokens."""
    if request.method != "POST":
        response = _problem(Failed(error="invalid_request", description="Only by POST."), status=405)
        response["Allow"] = "POST, OPTIONS"
        return response
    given = form_of(request)
    if given is None:
        return _problem(Failed(error="invalid_request", description="Send each parameter once, as a form."))
    client = client_of(request, given)
    if client is None:
        return _problem(Failed(error="invalid_client"), status=401)
    address, now, grant = client_address(request), timezone.now(), given.get("grant_type", "")
    if grant == "authorization_code":
        found = redeem(
            client,
            code=given.get("code", ""),
            redirect_uri=given.get("redirect_uri", ""),
            verifier=given.get("code_verifier", ""),
            address=address,
            now=now,
        )
    elif grant == "refresh_token":
        scope = given["scope"].split() if "scope" in given else None
        found = renew(client, token=given.get("refresh_token", ""), scope=scope, address=address, now=now)
    else:
        found = Failed(error="unsupported_grant_type")
    if isinstance(found, Failed):
        return _problem(found)
    response = JsonResponse(found)
    response["Cache-Control"] = "no-store"
    return response


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST", "OPTIONS"])
@_shared
def userinfo(request: HttpRequest) -> HttpResponse:
    """What the client may know of the person, as it is now (OpenID Connect Core 1.0, 5.3)."""
    scheme, _space, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    access = openid.read_access(text.strip()) if scheme.lower() == "bearer" else None
    principal = openid.principal_of(access, now=timezone.now())
    client = client_named(access.client_id) if access is not None else None
    if access is None or principal is None or client is None:
        response = JsonResponse({"error": "invalid_token"} if text else {}, status=401)
        response["WWW-Authenticate"] = challenge(failed=bool(text))
        return response
    response = JsonResponse(claims_of(principal, [one for one in access.scope if one in client.scopes]))
    response["Cache-Control"] = "no-store"
    return response


@_shared
def discovery(_request: HttpRequest) -> HttpResponse:
    """Where everything is, and what is possible (OpenID Connect Discovery 1.0; RFC 8414)."""
    base = issuer()
    methods = ["client_secret_basic", "client_secret_post", "none"]
    response = JsonResponse(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}{reverse('oidc:authorize')}",
            "token_endpoint": f"{base}{reverse('oidc:token')}",
            "userinfo_endpoint": f"{base}{reverse('oidc:userinfo')}",
            "jwks_uri": f"{base}{reverse('jwks')}",
            "end_session_endpoint": f"{base}{reverse('oidc:logout')}",
            "introspection_endpoint": f"{base}{reverse('api:token-introspect')}",
            "revocation_endpoint": f"{base}{reverse('api:token-revoke')}",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "acr_values_supported": [SFA, MFA],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [RSA, ALGORITHM],
            "token_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
            "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": list(NAMES),
            "prompt_values_supported": sorted(PROMPTS),
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        }
    )
    response["Cache-Control"] = "public, max-age=300"
    return response

"""A client of OpenID Connect that can also be wrong: Authlib checks what it gets. (A real one in a browser: `tests/browser/wiki.py`.)"""

import base64
import html
import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from django.http import HttpResponse
from django.test import Client as Http
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from oidc.clients import ClientDraft, NewSecret, create_client, make_secret
from oidc.models import Client
from tenants.actor import system_actor
from tenants.models import Company
from tests.journeys.doors import WebDoor

ISSUER = "http://127.0.0.1:8000"
CALLBACK = "https://wiki.example/callback?tenant=1"
EVERYTHING = "openid profile email phone company roles privileges offline_access"


class Party:
    """The client: what it keeps between two requests, and what it gets."""

    def __init__(self, client_id: str, secret: str, *, callback: str = CALLBACK) -> None:
        self.client_id, self.secret, self.callback = client_id, secret, callback
        self.http = Http(SERVER_NAME="127.0.0.1", REMOTE_ADDR="203.0.113.9")
        self.verifier = self.state = self.nonce = ""
        self.tokens: dict[str, Any] = {}
        self.answer = HttpResponse()

    # --- the browser is sent --------------------------------------------------------------------------------------------

    def request(self, **more: Any) -> str:
        """The address that the browser is sent to; a value of None leaves a parameter out."""
        self.verifier, self.state, self.nonce = generate_token(48), generate_token(16), generate_token(16)
        given = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.callback,
            "scope": "openid profile email",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": create_s256_code_challenge(self.verifier),
            "code_challenge_method": "S256",
        } | more
        return (
            f"/o/authorize/?{urlencode({name: value for name, value in given.items() if value is not None})}"
        )

    def back(self, answer: Any) -> dict[str, str]:
        """What the browser comes back with, checked as a client has to: address, state, issuer (RFC 9207)."""
        target = target_of(answer)
        assert target.startswith(self.callback.partition("?")[0]), target
        said = dict(parse_qsl(urlsplit(target).query))
        assert said.get("state", "") == self.state
        assert said["iss"] == issuer()
        return said

    # --- the client calls ----------------------------------------------------------------------------------------------

    def post(self, given: dict[str, Any] | str, *, basic: bool = True, **headers: Any) -> Any:
        """The token endpoint."""
        if basic and self.secret:
            pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            headers.setdefault("HTTP_AUTHORIZATION", f"Basic {pair}")
        elif isinstance(given, dict):
            given = {"client_id": self.client_id, **given}
        body = given if isinstance(given, str) else urlencode(given)
        self.answer = self.http.post(
            "/o/token/", body, content_type="application/x-www-form-urlencoded", **headers
        )
        return self.answer.json()

    def redeem(self, code: str | None, **more: Any) -> Any:
        """A code for tokens."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": self.verifier,
        }
        found = self.post({name: value for name, value in (given | more).items() if value is not None})
        if "access_token" in found:
            self.tokens = found
        return found

    def renew(self, token: str = "", **more: Any) -> Any:
        """A refresh token for tokens."""
        found = self.post(
            {"grant_type": "refresh_token", "refresh_token": token or self.tokens["refresh_token"], **more}
        )
        if "access_token" in found:
            self.tokens = found
        return found

    def claims(self, id_token: str = "") -> dict[str, Any]:
        """The claims of the ID token, validated by Authlib with the published keys."""
        keys = KeySet.import_key_set(self.http.get("/.well-known/jwks.json").json())
        algorithms = self.http.get("/.well-known/openid-configuration").json()[
            "id_token_signing_alg_values_supported"
        ]
        token = jwt.decode(id_token or self.tokens["id_token"], keys, algorithms=algorithms)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={"iss": {"value": issuer()}, "aud": {"value": self.client_id}},
            params={"access_token": self.tokens["access_token"], "client_id": self.client_id}
            | ({"nonce": self.nonce} if "nonce" in token.claims else {}),
        )
        claims.validate(now=int(timezone.now().timestamp()))
        return dict(token.claims)

    def userinfo(self, token: str = "") -> Any:
        """What it may know."""
        bearer = f"Bearer {token or self.tokens['access_token']}"
        self.answer = self.http.get("/o/userinfo/", HTTP_AUTHORIZATION=bearer)
        return self.answer.json()

    def is_served(self) -> bool:
        """Whether the access token still opens userinfo."""
        self.userinfo()
        return self.answer.status_code == 200


def issuer() -> str:
    """Who issues."""
    from django.conf import settings

    return str(settings.PUBLIC_URL)


def party_of(company: Company | None, *, name: str = "Wiki", secret: bool = True, **more: Any) -> Party:
    """A client, and the row that it has here."""
    draft: dict[str, Any] = {
        "name": name,
        "company": company,
        "redirect_uris": [CALLBACK],
        "logout_uris": ["https://wiki.example/bye"],
        "scopes": EVERYTHING.split(),
    }
    made = create_client(ClientDraft(**(draft | more)), by=system_actor(), now=timezone.now())
    assert isinstance(made, Client), made
    text = ""
    if secret and not made.is_public:
        found = make_secret(made, by=system_actor(), now=timezone.now())
        assert isinstance(found, NewSecret)
        text = found.secret
    callback = made.redirect_uris[0]
    return Party(made.client_id, text, callback=callback)


def target_of(answer: Any) -> str:
    """Where this answer leads, by a redirect or by a page of ours."""
    if answer.status_code in {302, 303}:
        return str(answer["Location"])
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.content.decode())
    assert found, (answer.status_code, answer.content.decode()[:600])
    return html.unescape(found[1])


def agree(door: WebDoor, path: str) -> Any:
    """Open the address in this browser, and say yes where it asks; the answer that leads back."""
    answer = door.browser.get(path)
    if answer.status_code == 200:
        door.address, door.answer = path, answer
        form = next((one for one in door.page.forms if "Continue" in one.buttons), None)
        if form is not None:
            token = form.values["csrfmiddlewaretoken"]
            answer = door.browser.post(form.action, {"csrfmiddlewaretoken": token, "allow": "1"})
    return answer


def signed_in_to(party: Party, door: WebDoor, **more: Any) -> dict[str, Any]:
    """The whole way of somebody who is signed in here; the claims."""
    said = party.back(agree(door, party.request(**more)))
    found = party.redeem(said["code"])
    assert "access_token" in found, found
    return party.claims()


def query_of(answer: Any) -> dict[str, list[str]]:
    """The parameters of where it leads."""
    return parse_qs(urlsplit(answer["Location"]).query)

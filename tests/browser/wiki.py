"""A wiki of somebody else whose people sign in by Gatehouse: Authlib does the protocol on its side."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.browser.house import House

SCOPE = "openid profile email company roles"


@dataclass
class Wiki:
    """Its server side, with the session of the one visitor that it has at a time."""

    house: House
    port: int
    client_id: str = ""
    secret: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    _kept: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            self.client_id, self.secret, scope=SCOPE, redirect_uri=f"{self.origin}/callback",
            code_challenge_method="S256",
        )  # fmt: skip

    def _discovered(self) -> dict[str, Any]:
        found: dict[str, Any] = self._session().request(
            "GET", f"{self.house.url}/.well-known/openid-configuration", withhold_token=True
        ).json()  # fmt: skip
        assert found["issuer"] == self.house.url
        return found

    def begin(self) -> str:
        """Where its button *Sign in* leads."""
        verifier, nonce = generate_token(48), generate_token(20)
        url, state = self._session().create_authorization_url(
            self._discovered()["authorization_endpoint"], code_verifier=verifier, nonce=nonce
        )
        self._kept = {"verifier": verifier, "nonce": nonce, "state": state}
        return str(url)

    def come_back(self, query: str) -> str:
        """What it shows to whoever comes back to it."""
        said = {name: values[0] for name, values in parse_qs(query).items()}
        if "error" in said:
            return f"Not signed in: {said['error']}"
        assert said["iss"] == self.house.url
        there, session = self._discovered(), self._session()
        tokens = session.fetch_token(
            there["token_endpoint"], authorization_response=f"{self.origin}/callback?{query}",
            state=self._kept["state"], code_verifier=self._kept["verifier"],
        )  # fmt: skip
        keys = KeySet.import_key_set(session.request("GET", there["jwks_uri"], withhold_token=True).json())
        token = jwt.decode(
            tokens["id_token"], keys, algorithms=there["id_token_signing_alg_values_supported"]
        )
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={"iss": {"value": self.house.url}, "aud": {"value": self.client_id}},
            params={"nonce": self._kept["nonce"], "access_token": tokens["access_token"]},
        )
        claims.validate()
        self.claims, self._kept["id_token"] = dict(token.claims), tokens["id_token"]
        self.known = session.get(there["userinfo_endpoint"]).json()
        return f"Welcome to the wiki, {self.known['name']}"

    def end(self, *, hint: bool = True) -> str:
        """Where its button *Sign out* leads."""
        given = {"client_id": self.client_id, "post_logout_redirect_uri": f"{self.origin}/bye"}
        if hint:
            given["id_token_hint"] = self._kept["id_token"]
        return f"{self._discovered()['end_session_endpoint']}?{urlencode(given)}"


@contextmanager
def running_wiki(house: House) -> Iterator[Wiki]:
    """The wiki, on a port of its own."""
    wiki = Wiki(house, 0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            try:
                text = (
                    wiki.come_back(address.query) if address.path == "/callback" else "You have left the wiki"
                )
            except Exception as error:  # what went wrong has to be seen in the browser, where the test looks
                text = f"{type(error).__name__}: {json.dumps(str(error))}"
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(f"<title>Wiki</title><link rel=icon href=data:><h1>{escape(text)}</h1>".encode())

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wiki.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield wiki
    finally:
        server.shutdown()
        server.server_close()

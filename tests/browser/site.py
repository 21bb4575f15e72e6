"""A site of somebody else that shows a page of ours in a frame, and an integration that trusts it."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.browser.house import House
from tests.services.product import ROOT

_MAKE = """
import sys
import django
django.setup()
from accounts.models import Integration, IntegrationKey
from accounts.tokens.foreign_keys import public_keys
from core import entropy, epoch
from core.db import unit
from django.utils import timezone
from tenants.models import Company, Role
name, pem, *origins = sys.argv[1:]
(public,) = public_keys(pem)
with unit():
    made = Integration.objects.create(
        company=Company.objects.get(name="Acme"), name=name, licence_key=entropy.words_code(20), origins=origins,
        ceiling=Role.objects.get(name="Company Administrator", company=None),
    )
    IntegrationKey.objects.create(
        integration=made, kid=public.kid, algorithm=public.algorithm, public=dict(public.jwk), source="pasted", created_at=timezone.now()
    )
    epoch.bump()
print(made.licence_key)
"""
# What the published client does around a frame (cobrowse-agent-sdk 2.16, RemoteContext over cocom): trust and token at once, and both
# again whenever the frame says that it begins.
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Desk</title>
<style>body {{ margin: 0; font-family: sans-serif }} iframe {{ border: 0; inline-size: 100%; block-size: 30rem }}</style>
<iframe title="Gatehouse" src="{frame}"></iframe>{more}
<script>
window.heard = [];
window.tokens = {tokens};
const frame = document.querySelector("iframe");
const send = (event, data, to) => frame.contentWindow?.postMessage({{ trustedOnly: false, cobrowseio: true, event, data }}, to);
const trust = () => send("trust", null, "*");
const hand = () => {{
  const token = window.tokens.length > 1 ? window.tokens.shift() : window.tokens[0];
  if (token) send("token", token, "{house}");
}};
addEventListener("message", (message) => {{
  if (message.source !== frame.contentWindow || !message.data?.cobrowseio) return;
  heard.push({{ origin: message.origin, ...message.data }});
  if (message.data.event === "init") {{ trust(); hand(); }}
}});
trust();
</script></html>"""


@dataclass
class Site:
    """The site of a service desk."""

    house: House
    port: int
    pages: dict[str, str]
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    licence: str = ""

    @property
    def origin(self) -> str:
        """What the integration trusts."""
        return f"http://localhost:{self.port}"

    @property
    def _public(self) -> str:
        return (
            self.key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def integration(self, *origins: str) -> str:
        """Have the product know an integration that trusts these sites; its licence key."""
        settings = {
            "DATA_DIR": str(self.house.product.folder),
            "PORT": str(self.house.product.port),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        ran = subprocess.run(
            [sys.executable, "-c", _MAKE, f"Desk {uuid.uuid4()}", self._public, *origins],
            cwd=ROOT,
            env=os.environ | settings,
            check=True,
            capture_output=True,
            text=True,
        )
        time.sleep(0.6)  # the served product looks at the version a few times a second
        self.licence = ran.stdout.strip()
        return self.licence

    def token(self, **claims: Any) -> str:
        """A token that the integration signs."""
        now = int(time.time())
        usual = {
            "iss": self.licence,
            "aud": self.house.url,
            "iat": now,
            "exp": now + 600,
            "sub": "nina@acme.example",
            "displayName": "Nina Newcomer",
            "role": "agent",
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(usual | claims, self.key, algorithm="ES256")

    def page(self, path: str, *tokens: str, frame: str = "/embed/code", more: str = "") -> str:
        """Serve a page with a frame of ours, that hands these tokens over one after the other; its path."""
        source = f"{self.house.url}{frame}?license={self.licence}"
        self.pages[path] = _PAGE.format(frame=source, house=self.house.url, tokens=list(tokens), more=more)
        return path


@contextmanager
def running_site(house: House) -> Iterator[Site]:
    """The site, on a port of its own."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Site(house=house, port=server.server_address[1], pages=pages)
    finally:
        server.shutdown()
        server.server_close()

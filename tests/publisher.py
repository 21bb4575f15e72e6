"""A server of public keys, as integrations have one, on this machine."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.accounts.vouched import public_of


class Publisher:
    """A server of keys on this machine, and what it says."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, b"", 0
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.asked += 1
                self.send_response(told.status)
                self.end_headers()
                self.wfile.write(told.body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/keys"

    def says(self, *keys: Any, **more: Any) -> None:
        listed = []
        for key in keys:
            public = public_of(key)
            listed.append({**public.jwk, "kid": public.kid, "use": "sig"})
        self.status, self.body = 200, json.dumps({"keys": [*listed, *more.get("also", [])]}).encode()


@pytest.fixture
def publisher(settings: Any) -> Iterator[Publisher]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    found = Publisher()
    yield found
    found.server.shutdown()

"""An organisation's verification service: a real HTTPS server in a thread, that keeps the contract or breaks it as a test says."""

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.services.certificates import Certificate

DRIP_SECONDS = 0.05
APP, FOB = {"id": "app", "label": "SecureApp"}, {"id": "fob", "label": "Key fob"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """What arrived."""

    path: str
    asked: dict[str, Any]
    body: bytes
    bearer: str


@dataclass
class Service:
    """The service as a test sees it."""

    url: str
    authority: Path
    methods: Sequence[Any] = (APP,)
    codes: dict[str, str] = field(default_factory=lambda: {"app": "AB-12", "fob": "445566"})
    mode: str = (
        "ok"  # or slow, held, drip, huge, endless, garbage, redirect, error, closed, or raw bytes in `raw`
    )
    only: str = ""  # the mode is for calls to this path alone
    raw: bytes = b""
    calls: list[Call] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def checks(self, code: str = "") -> list[Call]:
        """The checks that arrived, of this code if one is named."""
        return [one for one in self.calls if one.path.endswith("/check") and code in {"", one.asked["code"]}]

    def lookups(self) -> list[Call]:
        """The look-ups that arrived."""
        return [one for one in self.calls if one.path.endswith("/methods")]

    def says(self, call: Call) -> Any:
        """What a service that keeps the contract says."""
        if call.path.endswith("/methods"):
            return {"methods": list(self.methods)}
        right = self.codes.get(call.asked["method"]) == call.asked["code"]
        return {"result": "accepted" if right else "refused"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        service = self.server.service
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        call = Call(path=self.path, asked=json.loads(body or b"{}"), body=body, bearer=bearer)
        service.calls.append(call)
        self.close_connection = True
        mode = service.mode if self.path.endswith(service.only) else "ok"
        with suppress(OSError):
            getattr(self, f"_{mode}")(service.says(call))

    def _ok(self, said: Any) -> None:
        text = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _slow(self, said: Any) -> None:
        self.server.service.release.wait(20)
        self._ok(said)

    def _drip(self, said: Any) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Patience: " + b"a" * 400:
            self.wfile.write(bytes([byte]))
            if self.server.service.release.wait(DRIP_SECONDS):
                return

    def _drip_body(self, said: Any) -> None:
        text = json.dumps(said).encode()
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text) + 400}\r\n\r\n".encode())
        for byte in text + b" " * 400:
            self.wfile.write(bytes([byte]))
            if self.server.service.release.wait(DRIP_SECONDS):
                return

    def _huge(self, said: Any) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while not self.server.service.release.is_set():
            self.wfile.write(b" " * 65_536)

    def _endless(self, said: Any) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.server.service.release.is_set():
            self.wfile.write(b"8000\r\n" + b" " * 0x8000 + b"\r\n")

    def _heads(self, said: Any) -> None:
        while not self.server.service.release.is_set():
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)

    def _garbage(self, said: Any) -> None:
        self.wfile.write(b"\x00\xff" * 200)

    def _redirect(self, said: Any) -> None:
        self.wfile.write(
            f"HTTP/1.1 307 Away\r\nLocation: {self.server.service.url}/elsewhere{self.path}\r\nContent-Length: 0\r\n\r\n".encode()
        )

    def _error(self, said: Any) -> None:
        text = json.dumps(said).encode()
        self.wfile.write(b"HTTP/1.1 500 Oh\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

    def _closed(self, said: Any) -> None:
        """Says nothing."""

    def _raw(self, said: Any) -> None:
        text = self.server.service.raw
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen of the tests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    service: Service

    def __init__(self, certificate: Certificate | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._context = certificate.context() if certificate else None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """TLS in the thread of the connection, so that one that hangs holds up no other."""
        if self._context is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """What clients do is what tests look at."""


@contextmanager
def verification_service(
    *, hosts: Sequence[str] = ("localhost", "127.0.0.1"), plain: bool = False, host: str = "localhost"
) -> Iterator[Service]:
    """A fresh one, whose certificate is for these hosts; `plain`: without TLS."""
    folder = Path(tempfile.mkdtemp(prefix="ghservice", dir="/tmp"))
    certificate = Certificate.make(folder, hosts=hosts)
    server = _Server(None if plain else certificate)
    scheme = "http" if plain else "https"
    port = server.server_address[1]
    server.service = Service(url=f"{scheme}://{host}:{port}/verify", authority=certificate.authority)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.service
    finally:
        server.service.release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
        shutil.rmtree(folder, ignore_errors=True)

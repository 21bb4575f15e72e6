"""A twin of Twilio in a thread: the real client sends to it over HTTP, and it calls back with a signature, as the real one does."""

import base64
import hmac
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SID, TOKEN, SENDER = "AC" + "0" * 32, "a-token-of-the-twin-alone", "+15005550006"
_PATH = re.compile(r"/2010-04-01/Accounts/(\w+)/Messages\.json")
_TO = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(kw_only=True)
class Fault:
    """What happens to one request instead of what should: an answer, sent after a while."""

    status: int = 0  # 0: the usual answer, only later
    code: int = 0
    message: str = "something"
    body: bytes | None = None  # sent as it is
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drops: bool = False  # hangs up


@dataclass
class Twin:
    """The texts that it took, oldest first, and every request."""

    port: int = 0
    texts: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)  # each for one request
    always: Fault | None = None  # for every request

    @property
    def base(self) -> str:
        """The value of TWILIO_API_BASE that leads here."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What sets the product up to use it."""
        return {
            "TWILIO_ACCOUNT_SID": SID,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": SENDER,
            "TWILIO_API_BASE": self.base,
        }

    def to(self, number: str) -> list[dict[str, Any]]:
        """The texts to this number, oldest first."""
        return [text for text in self.texts if text["to"] == number]

    def clear(self) -> None:
        """Forget everything."""
        # New lists: a slow request of before still ends in the old ones.
        self.texts, self.requests, self.faults, self.always = [], [], [], None


def code_in(text: str) -> str:
    """The code of a text: the first number of four digits or more."""
    found = re.search(r"\b([0-9]{4,10})\b", text)
    assert found, text
    return found[1]


def signed(url: str, fields: dict[str, str], *, token: str = TOKEN) -> str:
    """The value of X-Twilio-Signature, written from Twilio's description of it and not with its library."""
    told = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), told.encode(), sha1).digest()).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    twin: Twin

    def log_message(self, *given: Any) -> None:
        """Nothing."""

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # whoever asked has given up
            self.wfile.write(body)

    def _refuse(self, status: int, code: int, message: str, headers: dict[str, str] | None = None) -> None:
        told = {"code": code, "message": message, "more_info": "https://example.com", "status": status}
        self._send(status, json.dumps(told).encode(), headers)

    def do_POST(self) -> None:
        """Take a text."""
        twin, taken = self.twin, self.twin.texts
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fields = {name: values[-1] for name, values in parse_qs(body).items()}
        path = urlsplit(self.path).path
        twin.requests.append(fields | {"path": path, "host": self.headers.get("X-Twilio-Host", "")})
        given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if given != f"{SID}:{TOKEN}":
            return self._refuse(401, 20003, "Authenticate")
        fault = twin.faults.pop(0) if twin.faults else twin.always
        if fault is not None:
            time.sleep(fault.delay)
            if fault.drops:
                self.close_connection = True
                return None
            if fault.body is not None:
                return self._send(fault.status, fault.body, fault.headers)
            if fault.status:
                return self._refuse(fault.status, fault.code, fault.message, fault.headers)
        if not _PATH.fullmatch(path):
            return self._refuse(404, 20404, f"The requested resource {path} was not found")
        if not _TO.fullmatch(fields.get("To", "")):
            return self._refuse(400, 21211, f"Invalid 'To' Phone Number: {fields.get('To')}")
        if "From" not in fields and "MessagingServiceSid" not in fields:
            return self._refuse(400, 21603, "A 'From' phone number is required.")
        text = {
            "sid": "SM" + uuid.uuid4().hex, "account_sid": SID, "to": fields["To"], "from": fields.get("From"),
            "body": fields["Body"], "status": "queued", "direction": "outbound-api", "uri": path, "num_segments": "1",
            "num_media": "0", "price": None, "price_unit": "USD", "error_code": None, "error_message": None,
            "api_version": "2010-04-01", "messaging_service_sid": fields.get("MessagingServiceSid"),
            "date_created": "Sat, 21 Nov 2026 00:00:00 +0000", "date_updated": None, "date_sent": None, "subresource_uris": {},
        }  # fmt: skip
        taken.append(
            text | {"callback": fields.get("StatusCallback"), "good_for": fields.get("ValidityPeriod")}
        )
        return self._send(201, json.dumps(text).encode())


@contextmanager
def twilio_twin() -> Iterator[Twin]:
    """A twin on a free port."""
    twin = Twin()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"twin": twin}))
    server.daemon_threads = True
    twin.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield twin
    finally:
        server.shutdown()
        server.server_close()

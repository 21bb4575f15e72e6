"""deploy/nginx.conf in a real nginx, in front of a server that tells what it was asked."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.services import free_port
from tests.services.certificates import Certificate
from tests.services.nginx import Front, nginx
from tests.waiting import until

LONG = "/static/long.js"
SECRET = "3f0b.Zk9vN2x1c2l2ZS1zZWNyZXQtb2YtYS1saW5r"


@dataclass
class Node:
    """What a web node was asked; at /dies it ends the connection with the request read and nothing answered."""

    asked: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    rid_of: threading.Event = field(default_factory=threading.Event)  # of all of LONG


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, Node, Certificate]]:
    """nginx before two nodes, which are one server, and a place where nobody listens."""
    node = Node()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            node.asked.append((self.command, self.path, self.headers.items()))
            if self.path == "/dies":
                self.close_connection = True
                return
            self.send_response(200)
            if self.path.startswith(LONG):
                self.send_header("Cache-Control", "max-age=60, public")
                self.send_header("Content-Length", "16000000")  # more than sockets hold
                self.end_headers()
                self.wfile.write(b"x" * 16_000_000)
                node.rid_of.set()
                return
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_POST = do_GET  # noqa: N815  (the name that the server asks for)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    folder = tmp_path_factory.mktemp("nginx")
    tls = Certificate.make(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with nginx(folder, tls, host="localhost", nodes=[server.server_port] * 2 + [free_port()]) as front:
            yield front, node, tls
        server.shutdown()


@pytest.fixture
def ask(door: tuple[Front, Node, Certificate]) -> Any:
    """Ask through nginx: (status, headers), and what the node was asked then."""
    front, node, tls = door

    def asking(
        path: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, list[tuple[str, str, dict[str, str]]]]:
        before = len(node.asked)
        context = ssl.create_default_context(cafile=tls.authority)
        connection = http.client.HTTPSConnection("localhost", front.port, context=context, timeout=10)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, [(how, where, dict(what)) for how, where, what in node.asked[before:]]

    return asking


def test_a_node_learns_of_a_stranger_only_what_nginx_saw(ask: Any) -> None:
    claims = ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Real-IP",
              "X-Client-IP", "Proxy", "X_Forwarded_For", "X-Original-URL", "X-Request-Id", "X-Forwarded-Proto", "Upgrade")  # fmt: skip
    status, [(_method, path, seen)] = ask("/a?b=c", headers=dict.fromkeys(claims, "6.6.6.6"))
    assert (status, path) == (200, "/a?b=c")
    assert "6.6.6.6" not in seen.values()
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["Host"] == "localhost"
    assert len(seen["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    "path",
    [
        f"/login/forgotten/{SECRET}/",
        f"/login//forgotten/{SECRET}/",
        f"/login/link/{SECRET}/",
        f"/login//link/{SECRET}",
        f"/join/{SECRET}/",
        f"/JOIN//{SECRET}",
        f"/%6cogin/x/../forgotten/{SECRET}",
        f"/login/?next=/login/forgotten/{SECRET}/",
        f"/login/forgotten/%0A{SECRET}/",
        f"/%6aoin//{SECRET}",
        f"/join/%0A{SECRET}/",
    ],
)
def test_no_log_holds_a_mailed_link(ask: Any, door: tuple[Front, Node, Certificate], path: str) -> None:
    before = len(door[0].log.splitlines())
    status, _asked = ask(path, headers={"Referer": f"https://localhost/login/forgotten/{SECRET}/"})
    assert status == 200
    until(lambda: len(door[0].log.splitlines()) > before, seconds=5)  # written once the answer is out
    for file in door[0].folder.glob("*.log"):
        assert SECRET not in file.read_text()
    last = json.loads(door[0].log.splitlines()[-1])
    assert last["path"] in {"/login/forgotten/***", "/login/link/***", "/join/***", "/login/"}
    assert len(last["request_id"]) == 32


def test_what_fails_behind_it_is_told_without_the_address_in_the_log(
    ask: Any, door: tuple[Front, Node, Certificate]
) -> None:
    status, _asked = ask("/dies", headers={"Referer": f"https://localhost/login/forgotten/{SECRET}/"})
    assert status == 503
    assert SECRET not in "".join(file.read_text() for file in door[0].folder.glob("*.log"))


@pytest.mark.parametrize("path", ["/metrics", "/%6detrics", "//metrics", "/metrics?a=b", "/metrics/"])
def test_figures_are_not_told_outside(ask: Any, path: str) -> None:
    assert ask(path) == (404, [])


def test_what_was_sent_is_not_sent_again(ask: Any) -> None:
    status, asked = ask("/dies", method="POST", body=b"once")
    assert status == 503
    assert len(asked) == 1


def test_what_no_node_took_is_taken_by_another(ask: Any) -> None:
    assert [ask("/", method="POST", body=b"x")[0] for _ in range(6)] == [200] * 6


def _connected(front: Front, tls: Certificate) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", front.port), timeout=10)
    return ssl.create_default_context(cafile=tls.authority).wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize(
    "start",
    [
        "GET / HTTP/1.1\r\nHost: evil.example",
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost",
        "GET / HTTP/1.0",
    ],
)
def test_whoever_asks_for_another_host_gets_no_answer(
    door: tuple[Front, Node, Certificate], start: str
) -> None:
    front, node, tls = door
    before = len(node.asked)
    with _connected(front, tls) as connection:
        connection.sendall(f"{start}\r\n\r\n".encode())
        assert connection.recv(100) == b""
    assert len(node.asked) == before


def test_whoever_reads_slowly_holds_no_node(door: tuple[Front, Node, Certificate]) -> None:
    front, node, tls = door
    with _connected(front, tls) as slow:
        slow.sendall(f"GET {LONG} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert node.rid_of.wait(10)
        before = len(node.asked)
        with _connected(front, tls) as other:  # another name for it is the same copy
            other.sendall(f"GET {LONG}?other HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert other.recv(15) == b"HTTP/1.1 200 OK"
        assert len(node.asked) == before


def test_a_body_beyond_the_limit_reaches_no_node(ask: Any) -> None:
    status, asked = ask("/", method="POST", body=b"x" * 1_100_000)
    assert (status, asked) == (413, [])

"""`manage.py serve`: the whole product, and what it survives."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services import free_port
from tests.services.product import ROOT, Product, running_product
from tests.services.smtp import smtp_server
from tests.waiting import until

ADA = "ada@acme.example"


def ask_for_a_code(product: Product) -> None:
    status, attempt = product.ask("/api/v1/login/", {"username": ADA})
    assert status == 201, attempt
    status, answer = product.ask(
        "/api/v1/login/password/", {"handle": attempt["handle"], "password": product.password}
    )
    assert (status, answer["step"]) == (200, "code"), answer


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product as `script/server` starts it."""
    with running_product(tmp_path_factory.mktemp("serve")) as up:
        yield up


def test_from_the_request_to_the_mail_it_takes_less_than_a_second(product: Product) -> None:
    ask_for_a_code(product)
    until(product.mails, seconds=5)  # the first one of a process loads what it needs
    before = len(product.mails())
    ask_for_a_code(product)
    assert until(lambda: len(product.mails()) > before, seconds=5) < 1


def test_a_killed_worker_delays_a_mail_and_loses_none(product: Product) -> None:
    before = len(product.mails())
    _web, worker, _clock = product.children()
    os.kill(worker, signal.SIGKILL)
    ask_for_a_code(product)
    until(lambda: len(product.mails()) == before + 1, seconds=15)
    assert "worker ended (-9)" in product.log


def test_a_killed_web_process_is_back_within_seconds(product: Product) -> None:
    web = product.children()[0]
    os.kill(web, signal.SIGKILL)
    until(lambda: "web ended (-9)" in product.log, seconds=5)

    def answers() -> bool:
        try:
            return product.ask("/api/v1/login/", {"username": ADA})[0] == 201
        except OSError:
            return False

    until(answers, seconds=15)


def test_clients_that_send_slowly_stop_nobody_else(product: Product) -> None:
    head = b"POST /api/v1/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with ExitStack() as open_connections:
        for _ in range(40):
            slow = open_connections.enter_context(socket.create_connection(("127.0.0.1", product.port)))
            slow.sendall(head)
        begun = time.monotonic()
        assert product.ask("/api/v1/login/", {"username": "ben@acme.example"})[0] == 201
        assert time.monotonic() - begun < 2


def test_nothing_secret_stands_in_the_log(product: Product) -> None:
    assert product.password not in product.log


@pytest.mark.parametrize("other", ["the same folder", "the same port"])
def test_a_second_one_is_refused_with_a_sentence(product: Product, tmp_path: Path, other: str) -> None:
    folder = product.folder if other == "the same folder" else tmp_path
    port = free_port() if other == "the same folder" else product.port
    subprocess.run([sys.executable, "-m", "portal.keys", folder], cwd=ROOT, check=True)
    second = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=os.environ
        | {"DATA_DIR": str(folder), "PORT": str(port), "DJANGO_SETTINGS_MODULE": "portal.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert ("Another `serve` runs" if other == "the same folder" else f"Port {port}") in second.stderr


def test_with_a_dead_mail_server_the_code_arrives_once_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    with running_product(tmp_path, EMAIL_URL=f"smtp://127.0.0.1:{port}") as product:
        ask_for_a_code(product)
        until(lambda: "is put off" in product.log, seconds=10)
        with smtp_server(port=port) as box:
            until(lambda: box.mails, seconds=20)
            assert [mail["To"] for mail in box.mails] == [ADA]
            product.process.send_signal(signal.SIGINT)
            assert product.process.wait(20) == 0
            assert len(box.mails) == 1

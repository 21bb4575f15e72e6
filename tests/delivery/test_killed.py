"""The whole product: a worker that is killed with a text in hand, and how soon a text goes out."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from tests.services.product import Product, running_product
from tests.services.twilio import Fault, Twin, code_in, twilio_twin
from tests.waiting import until

ADA, NUMBER = "ada@acme.example", "+4915112345678"


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    """A twin of Twilio."""
    with twilio_twin() as twin:
        yield twin


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, twin: Twin) -> Iterator[Product]:
    """The product with its demo people, of whom Ada has a verified number and no verified address."""
    with running_product(tmp_path_factory.mktemp("texts"), **twin.environment) as up:
        write(
            up,
            "UPDATE accounts_user SET phone = ?, phone_verified_at = ?, email_verified_at = NULL WHERE username = ?",
            NUMBER,
            str(datetime.now(UTC)),
            ADA,
        )
        yield up


def write(product: Product, statement: str, *values: str) -> int:
    """Change the database of the product behind its back; the number of rows."""
    with closing(sqlite3.connect(product.folder / "db.sqlite3", timeout=20)) as connection, connection:
        return connection.execute(statement, values).rowcount


def begin(product: Product) -> str:
    """Ask for a code; the handle of the sign-in."""
    _status, attempt = product.ask("/api/v1/login/", {"username": ADA})
    status, answer = product.ask(
        "/api/v1/login/password/", {"handle": attempt["handle"], "password": product.password}
    )
    assert (status, answer["step"]) == (200, "code"), answer
    return str(attempt["handle"])


def test_a_worker_killed_with_a_text_in_hand_sends_the_same_code_later(product: Product, twin: Twin) -> None:
    twin.always = Fault(delay=8)
    handle = begin(product)
    until(lambda: twin.requests, seconds=10)
    (in_hand,) = twin.requests
    _web, worker, _clock = product.children()
    os.killpg(worker, signal.SIGKILL)
    twin.clear()
    until(lambda: "worker ended (-9)" in product.log, seconds=10)
    # What a wait of a minute would do: the lease of the dead worker runs out.
    assert write(product, "UPDATE delivery_delivery SET next_try_at = created_at WHERE state = 'leased'") == 1
    until(lambda: twin.texts, seconds=20)
    (text,) = twin.texts
    assert text["body"] == in_hand["Body"]
    code = code_in(text["body"])
    status, answer = product.ask("/api/v1/login/code/", {"handle": handle, "code": code})
    assert (status, answer["step"]) == (200, "done")
    assert code not in product.log


def test_while_twilio_is_slow_a_mail_goes_out_at_once(product: Product, twin: Twin) -> None:
    twin.clear()
    twin.always = Fault(delay=4)
    begin(product)
    until(lambda: twin.requests, seconds=10)
    before = len(product.mails())
    assert product.ask("/api/v1/login/forgotten/", {"username": "cleo@globex.example"})[0] == 202
    assert until(lambda: len(product.mails()) > before, seconds=8) < 3
    assert twin.texts == []
    until(lambda: twin.texts, seconds=10)

"""The client under load: it reads whole answers, counts only what was done, and does not take a refusal for a fast answer."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from bench.client import Connection, WrongAnswerError, head_of, load
from bench.mailbox import Came, Mailbox
from bench.scenarios import Turns, get
from tests.services.smtp import code_in

ANSWERS = {
    b"/whole": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"/parts": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    b"/refused": b"HTTP/1.1 429 Too Many\r\nContent-Length: 3\r\n\r\nno!",
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that knows three addresses; after `/whole` it closes the connection without a word."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ")[1]
                writer.write(ANSWERS[path])
                if path == b"/whole":
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_whole_answers_and_answers_in_parts_are_read_over_one_connection(port: int) -> None:
    async def ask() -> list[bytes]:
        connection = Connection(port)
        paths = ("/parts", "/whole", "/whole", "/parts")
        bodies = [(await connection.ask("GET", path)).body for path in paths]
        connection.close()
        return bodies

    assert asyncio.run(ask()) == [b"ok"] * 4


def test_a_refusal_is_a_failure_and_ends_the_load_soon(port: int) -> None:
    done = load(get("/refused"), port=port, clients=2, seconds=30)
    assert done.operations == 0
    assert 20 <= len(done.failures) <= 21
    assert "429" in done.failures[0]
    assert done.seconds < 5


def test_every_operation_has_a_latency(port: int) -> None:
    done = load(get("/parts"), port=port, clients=3, seconds=0.5)
    assert done.operations == len(done.latencies_ms) >= 3
    assert done.failures == []


def test_a_wrong_status_names_the_request(port: int) -> None:
    with pytest.raises(WrongAnswerError, match="GET /refused: 429"):
        asyncio.run(Connection(port).ask("GET", "/refused"))


def test_cookies_come_without_their_attributes() -> None:
    head = b'HTTP/1.1 302 Found\r\nSet-Cookie: session=abc; HttpOnly; Path=/\r\nLocation: /\r\nSet-Cookie: a=""; Max-Age=0'
    assert head_of(head) == (302, {"location": "/"}, {"session": "abc", "a": ""})


def test_people_and_addresses_take_turns() -> None:
    turns = Turns(3)
    taken = [turns.next() for _ in range(300)]
    assert [person for person, _address in taken[:4]] == [0, 1, 2, 0]
    assert len({address for _person, address in taken}) == 300
    spread = Turns(1_000, stride=7919)
    assert {spread.next()[0] for _ in range(1_000)} == set(range(1_000))


def test_a_code_stands_on_a_line_of_its_own() -> None:
    assert code_in("Subject: x\r\n\r\nYour code:\r\n\r\n    123456\r\n\r\nGood until 10:15.") == "123456"
    assert code_in("Your order 123456 has come.") is None


@pytest.mark.parametrize("is_early", [True, False])
def test_a_code_is_found_whether_it_comes_before_or_after_it_is_asked_for(is_early: bool) -> None:
    box = Mailbox(port=0)
    came = Came("123456", at=12.5)

    async def wait() -> str:
        if is_early:
            box.hand_over("ada@acme.example", came)
        else:
            threading.Timer(0.05, box.hand_over, ("ada@acme.example", came)).start()
        return await box.code_for("ada@acme.example", asked=12.0)

    assert asyncio.run(wait()) == "123456"
    assert box.waits_ms == [500.0]

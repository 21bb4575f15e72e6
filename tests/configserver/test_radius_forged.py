"""Answers that are not what they seem. Only one that is signed for this very request counts; the others change nothing."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest

from configserver.engines.base import Refused, Unreachable, Verified
from configserver.engines.radius import RadiusEngine
from tests.configserver.radius import asked, directory
from tests.services.radius import ALICE, SECRET, free_udp_port, freeradius
from tests.services.radius_liar import (
    ACCEPT,
    ACCESS_REQUEST,
    CHALLENGE,
    PROMPT,
    REJECT,
    REPLY_MESSAGE,
    SIGNATURE,
    STATE,
    STATUS_SERVER,
    USER_PASSWORD,
    Liar,
    Request,
    liar,
    say_from_elsewhere,
)

REJECTED = Refused(reason="rejected")
NO_ANSWER, FORGED, UNSIGNED = (
    "no answer",
    "answers that do not fit the shared secret",
    "answers without a Message-Authenticator",
)
_FIRST, _SECOND = 20, 38  # where the first and the second attribute of an answer begin


def _put(octets: bytes, at: int, what: bytes) -> bytes:
    return octets[:at] + what + octets[at + len(what) :]


def _resigned(request: Request, *attributes: tuple[int, bytes]) -> bytes:
    """An Accept whose Response Authenticator is right over whatever stands in it."""
    return request.unsigned(ACCEPT, *attributes)


LIES: dict[str, tuple[str, Callable[[Request], bytes]]] = {
    "unsigned": (UNSIGNED, lambda request: request.unsigned(ACCEPT)),
    "unsigned, with the Proxy-State of CVE-2024-3596": (
        FORGED,
        lambda request: request.unsigned(ACCEPT, (33, bytes(200))),
    ),
    "signed, with a Proxy-State that nobody sent": (
        FORGED,
        lambda request: request.reply(ACCEPT, (33, bytes(200))),
    ),
    "signed with another secret": (FORGED, lambda request: request.reply(ACCEPT, secret="another secret")),
    "signed with an empty secret": (FORGED, lambda request: request.reply(ACCEPT, secret="")),
    "its Message-Authenticator alone is of another secret": (
        FORGED,
        lambda request: request.reply(ACCEPT, signed_with="another secret"),
    ),
    "its Response Authenticator is made up": (
        FORGED,
        lambda request: _put(request.reply(ACCEPT), 4, os.urandom(16)),
    ),
    "its Message-Authenticator is empty": (FORGED, lambda request: _resigned(request, (SIGNATURE, b""))),
    "its Message-Authenticator is all zeros": (
        FORGED,
        lambda request: _resigned(request, (SIGNATURE, bytes(16))),
    ),
    "two Message-Authenticators": (FORGED, lambda request: request.reply(ACCEPT, (SIGNATURE, bytes(16)))),
    "a Reject turned into an Accept": (FORGED, lambda request: _put(request.reply(REJECT), 0, b"\x02")),
    "of another id": (NO_ANSWER, lambda request: request.reply(ACCEPT, id=request.id ^ 0x80)),
    "an Access-Request": (NO_ANSWER, lambda request: request.reply(ACCESS_REQUEST)),
    "an Accounting-Response": (NO_ANSWER, lambda request: request.reply(5)),
    "a code that does not exist": (NO_ANSWER, lambda request: request.reply(255)),
    "the request itself": (NO_ANSWER, lambda request: request.octets),
    "the request itself, called an Accept": (FORGED, lambda request: _put(request.octets, 0, b"\x02")),
    "nothing": (NO_ANSWER, lambda _: b""),
    "a head cut short": (NO_ANSWER, lambda request: request.reply(ACCEPT)[:19]),
    "a head without attributes": (FORGED, lambda request: _put(request.reply(ACCEPT)[:20], 2, b"\0\x14")),
    "longer than it is": (NO_ANSWER, lambda request: _put(request.reply(ACCEPT), 2, b"\xff\xff")),
    "shorter than any": (NO_ANSWER, lambda request: _put(request.reply(ACCEPT), 2, b"\0\0")),
    "an attribute without a length": (NO_ANSWER, lambda request: _put(request.reply(ACCEPT), _FIRST + 1, b"\0")),
    "an attribute beyond the end": (
        FORGED,
        lambda request: _put(request.reply(ACCEPT, (18, b"hello")), _SECOND + 1, b"\xff"),
    ),
    "as long as a datagram can be": (NO_ANSWER, lambda request: request.reply(ACCEPT)[:20] + bytes(60_000)),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_alone_is_no_answer(lie: str) -> None:
    why, told = LIES[lie]
    with liar(lambda server, request: server.say(told(request), to=request)) as server:
        began = time.monotonic()
        outcome = directory(server.name, attempts=1).verify(ALICE.name, ALICE.password)
        assert isinstance(outcome, Unreachable), outcome
        assert time.monotonic() - began >= 0.2, "it did not go on listening"
    assert outcome.reason == f"{server.name}: {why}"


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_before_the_answer_is_passed_over(lie: str) -> None:
    def lies_then_refuses(server: Liar, request: Request) -> None:
        server.say(LIES[lie][1](request), to=request)
        server.say(request.reply(REJECT), to=request)

    with liar(lies_then_refuses) as server:
        assert directory(server.name).verify(ALICE.name, ALICE.password) == REJECTED
        assert len(server.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_an_answer_from_another_port_or_address_is_passed_over(host: str) -> None:
    def behave(server: Liar, request: Request) -> None:
        port = server.line.getsockname()[1] if host == "127.0.0.2" else 0
        say_from_elsewhere(request.reply(ACCEPT), to=request, host=host, port=port)
        server.say(request.reply(REJECT), to=request)

    with liar(behave) as server:
        assert directory(server.name).verify(ALICE.name, ALICE.password) == REJECTED


def test_the_accept_of_an_earlier_request_lets_nobody_in() -> None:
    def behave(server: Liar, request: Request) -> None:
        accepts.append(request.reply(ACCEPT))
        if len(accepts) == 1:
            server.say(accepts[0], to=request)
            return
        for accept in accepts[:-1]:
            server.say(accept, to=request)
            server.say(_put(accept, 1, bytes([request.id])), to=request)
        server.say(request.reply(REJECT), to=request)

    accepts: list[bytes] = []
    with liar(behave) as server:
        engine = directory(server.name)
        assert engine.verify(ALICE.name, ALICE.password) == Verified()
        for _ in range(20):
            assert engine.verify(ALICE.name, "a wrong one") == REJECTED


def test_what_a_server_says_too_late_is_never_heard() -> None:
    with freeradius(people=[ALICE]) as server:
        engine = directory(server.name, attempt_timeout=0.05)
        with server.hung():
            assert isinstance(engine.verify(ALICE.name, ALICE.password), Unreachable)
        # Meanwhile the server accepts what it had taken before.
        for _ in range(20):
            assert directory(server.name).verify(ALICE.name, "a wrong one") == REJECTED


def test_no_accept_with_one_bit_changed_is_believed() -> None:
    def behave(server: Liar, request: Request) -> None:
        accept = request.reply(ACCEPT, (REPLY_MESSAGE, b"hi"))
        for bit in range(len(accept) * 8):
            changed = bytearray(accept)
            changed[bit // 8] ^= 1 << bit % 8
            server.say(bytes(changed), to=request)
            time.sleep(0.0005)  # so that the line's buffer does not run over
        server.say(request.reply(REJECT), to=request)

    with liar(behave) as server:
        assert directory(server.name, attempt_timeout=3, timeout=3).verify("dora", "any") == REJECTED


def test_the_answer_is_found_in_a_flood() -> None:
    def behave(server: Liar, request: Request) -> None:
        for number in range(3_000):
            lie = os.urandom(number % 200)
            with suppress(ConnectionError):
                server.say(bytes([ACCEPT, request.id]) + lie if number % 2 else lie, to=request)
            if number == 1_500:
                server.say(request.reply(ACCEPT), to=request)
            if number % 20 == 0:
                time.sleep(0.002)

    with liar(behave) as server:
        engine = directory(server.name, attempts=1, attempt_timeout=5, timeout=5)
        assert engine.verify(ALICE.name, ALICE.password) == Verified()


def test_a_flood_ends_when_the_time_is_over() -> None:
    def behave(server: Liar, request: Request) -> None:
        until = time.monotonic() + 1
        while len(server.requests) == 1 and time.monotonic() < until:
            with suppress(ConnectionError):
                server.say(bytes([ACCEPT, request.id]) + os.urandom(60), to=request)
            time.sleep(0.001)

    with liar(behave) as server:
        began = time.monotonic()
        outcome = directory(server.name, attempts=9, timeout=0.5).verify(ALICE.name, ALICE.password)
        assert isinstance(outcome, Unreachable)
        assert 0.45 < time.monotonic() - began < 0.8


def test_every_request_is_signed_and_says_what_we_are() -> None:
    with liar(lambda server, request: server.say(request.reply(REJECT), to=request)) as server:
        directory(server.name, nas_identifier="portal-1").verify("zoë \\ ' \"", "pässword \\ 0x41 ")
        directory(server.name, protocol="chap").verify("zoë", "pässword")
    hidden, proven = server.requests
    assert hidden.is_signed()
    assert proven.is_signed()
    assert dict(hidden.attributes).keys() == {SIGNATURE, 1, 2, 6, 32}
    assert (hidden.name, hidden.password().decode()) == ("zoë \\ ' \"", "pässword \\ 0x41 ")
    assert (hidden.value(6), hidden.value(32)) == (b"\0\0\0\x08", b"portal-1")
    assert dict(proven.attributes).keys() == {SIGNATURE, 1, 3, 6, 32, 60}
    assert b"p\xc3\xa4ssword" not in hidden.octets + proven.octets


def test_no_packet_goes_out_for_what_cannot_travel() -> None:
    with liar(lambda server, request: server.say(request.reply(REJECT), to=request)) as server:
        engine = directory(server.name)
        for name, password in (
            ("alice", ""),
            ("", "x"),
            ("alice", "x" * 129),
            ("alice", "ä" * 65),
            ("a\0", "x"),
        ):
            engine.verify(name, password)
        assert not server.requests
        engine.verify("alice", "ä" * 64)
        assert len(server.requests) == 1


def test_a_decoy_sends_neither_the_name_nor_the_same_password_twice() -> None:
    """People type passwords into the box for the name, and whoever has the name there could be locked by a stranger."""
    with liar(lambda server, request: server.say(request.reply(REJECT), to=request)) as server:
        for _ in range(10):
            directory(server.name).decoy("nobody")
    assert len({request.name for request in server.requests} - {"nobody"}) == 10
    assert len({request.password() for request in server.requests}) == 10


def test_ids_and_authenticators_are_random() -> None:
    with liar(lambda server, request: server.say(request.reply(REJECT), to=request)) as server:
        for _ in range(150):
            for protocol in ("pap", "chap"):
                directory(server.name, protocol=protocol).verify(ALICE.name, ALICE.password)
    requests = server.requests
    assert len({request.authenticator for request in requests}) == len(requests) == 300
    assert len({request.value(USER_PASSWORD) for request in requests}) == 150 + 1
    assert len({request.value(60) for request in requests}) == 150 + 1
    ids = [request.id for request in requests]
    # Of 300 drawn from 256 about 177 are different; in 100 million runs this fails once, or less often.
    assert 140 < len(set(ids)) < 215
    steps = [(later - earlier) % 256 for earlier, later in pairwise(ids)]
    assert max(steps.count(step) for step in set(steps)) < 15


def test_the_second_datagram_is_the_first_one_again() -> None:
    def second_time(server: Liar, request: Request) -> None:
        if [one.octets for one in server.requests].count(request.octets) == 2:
            server.say(request.reply(ACCEPT), to=request)

    with liar(second_time) as server:
        assert directory(server.name).verify(ALICE.name, ALICE.password) == Verified()
    first, again = (request for request in server.requests if request.code == ACCESS_REQUEST)
    assert first == again


def test_an_answer_to_the_first_datagram_still_counts_after_the_second() -> None:
    def slow(server: Liar, request: Request) -> None:
        if len(server.requests) == 1:
            time.sleep(0.3)
            server.say(request.reply(ACCEPT), to=request)

    with liar(slow) as server:
        assert directory(server.name).verify(ALICE.name, ALICE.password) == Verified()


@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        ([], "One more answer is needed, such as a code."),
        ([b"", b" \r\n\t "], "One more answer is needed, such as a code."),
        ([b"One.", b"Two."], "One. Two."),
        ([b"a" * 252 + b"\xc3", b"\xbc!"], "a" * 252 + "ü!"),
        ([b"\x1b[31mred\x00\x07\r\n\xe2\x80\xaeback\xff"], "[31mred back�"),
        ([b"<script>alert(1)</script>"], "<script>alert(1)</script>"),
        ([b"x" * 200] * 15, " ".join(["x" * 200] * 3)[:500]),
    ],
)
def test_a_prompt_is_plain_text_of_bounded_length(messages: list[bytes], prompt: str) -> None:
    def asks(server: Liar, request: Request) -> None:
        server.say(request.reply(CHALLENGE, *[(REPLY_MESSAGE, one) for one in messages]), to=request)

    with liar(asks) as server:
        assert asked(directory(server.name).verify("dora", "any")).prompt == prompt


@pytest.mark.parametrize(
    ("value", "echo"),
    [(b"\0\0\0\1", True), (b"\0\0\0\0", False), (b"\1", False), (b"", False), (None, False)],
)
def test_an_answer_is_hidden_unless_the_server_says_otherwise(value: bytes | None, echo: bool) -> None:
    attributes = [] if value is None else [(PROMPT, value)]
    with liar(
        lambda server, request: server.say(request.reply(CHALLENGE, *attributes), to=request)
    ) as server:
        assert asked(directory(server.name).verify("dora", "any")).echo is echo


@pytest.mark.parametrize("state", [b"", b"0x6162", b"\x00\xff" * 100, b"s" * 253, None])
def test_a_state_goes_back_as_it_came(state: bytes | None) -> None:
    def behave(server: Liar, request: Request) -> None:
        if len(server.requests) == 1:
            attributes = [] if state is None else [(STATE, state)]
            server.say(request.reply(CHALLENGE, *attributes), to=request)
        else:
            server.say(request.reply(ACCEPT), to=request)

    with liar(behave) as server:
        engine = directory(server.name, protocol="chap")
        question = asked(engine.verify("dora", "any"))
        assert engine.answer("dora", question.state, "0x41") == Verified(rounds=1)
    answer = server.requests[1]
    assert answer.value(STATE) == (state or None)
    assert (answer.name, answer.password(SECRET)) == ("dora", b"0x41")
    assert answer.is_signed()
    assert answer.authenticator != server.requests[0].authenticator


def _tested(behave: Callable[[Liar, Request], None]) -> tuple[bool, str, list[int]]:
    with liar(behave) as server:
        check = directory(server.name).test(server.name, login="dora").checks[-1]
        assert check.step == "answer"
        assert "dora" not in {request.name for request in server.requests}
        return check.ok, check.seen, [request.code for request in server.requests]


def test_a_signed_status_is_enough_for_a_test() -> None:
    ok, _, codes = _tested(lambda server, request: server.say(request.reply(ACCEPT), to=request))
    assert (ok, codes) == (True, [STATUS_SERVER])


def test_where_no_status_is_told_a_test_asks_for_somebody_made_up() -> None:
    def refuses(server: Liar, request: Request) -> None:
        if request.code == ACCESS_REQUEST:
            server.say(request.reply(REJECT), to=request)

    ok, _, codes = _tested(refuses)
    assert (ok, codes) == (True, [STATUS_SERVER, ACCESS_REQUEST])


def test_a_server_that_tells_its_status_alone_fails_the_test() -> None:
    def tells_status(server: Liar, request: Request) -> None:
        if request.code == STATUS_SERVER:
            server.say(request.unsigned(ACCEPT), to=request)

    ok, seen, _ = _tested(tells_status)
    assert not ok
    assert "does not answer when somebody signs in" in seen


def test_a_server_with_another_secret_fails_the_test() -> None:
    ok, seen, _ = _tested(lambda server, request: server.say(request.reply(ACCEPT, secret="x"), to=request))
    assert (ok, seen) == (False, "An answer came that does not fit the shared secret.")


def test_a_port_that_nobody_listens_on_is_told_at_once() -> None:
    name = f"127.0.0.1:{free_udp_port()}"
    engine, began = directory(name, attempt_timeout=1.5), time.monotonic()
    outcome = engine.verify(ALICE.name, ALICE.password)
    assert outcome == Unreachable(reason=f"{name}: nobody listens at this address and port")
    assert time.monotonic() - began < 1


def test_an_engine_shows_nothing_of_itself() -> None:
    engine: RadiusEngine = directory("127.0.0.1")
    assert SECRET not in repr(engine) + repr(vars(engine))

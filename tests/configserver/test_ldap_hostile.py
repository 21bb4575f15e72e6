"""Servers that answer as no directory does: the call ends in time, and with no password proved."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from configserver.engines.base import Refused, Unreachable, Verified
from configserver.engines.ldap import LdapConfig, LdapEngine
from configserver.engines.ldap.wire import MOST_BYTES
from tests.configserver.ldap_stage import WRONG, config_of, direct, timed
from tests.services.certificates import Certificate
from tests.services.hostile import (
    BIND_ANSWER,
    EXTENDED_ANSWER,
    SEARCH_DONE,
    SEARCH_ENTRY,
    Hostile,
    Talk,
    ber,
    found,
    hostile_server,
    number,
    result,
)
from tests.services.ldap import DORA

TIMEOUT = 0.6
LATE = 0.4  # what a busy machine may take on top


def plain(server: Hostile, **changes: Any) -> LdapConfig:
    """In clear, as this very machine may be asked: what is tried here is not TLS."""
    values = {"servers": (f"ldap://127.0.0.1:{server.port}",), "start_tls": False, "timeout": TIMEOUT}
    return config_of(**(values | changes))


def drips_at_the_bind(talk: Talk) -> None:
    talk.drip(ber(0x30, talk.request(), result(BIND_ANSWER, 0, "x" * 5000)))


def drips_at_the_search(talk: Talk) -> None:
    talk.say(talk.request(), result(BIND_ANSWER, 0))
    talk.drip(ber(0x30, talk.request(), found(DORA, cn="x" * 5000)))


def drips_entries(talk: Talk) -> None:
    talk.say(talk.request(), result(BIND_ANSWER, 0))
    id = talk.request()
    while not talk.stop.wait(0.05):
        talk.say(id, found(DORA, cn="x"))


def drips_at_starttls(talk: Talk) -> None:
    talk.drip(ber(0x30, talk.request(), result(EXTENDED_ANSWER, 0, "x" * 5000)))


def drips_in_the_handshake(talk: Talk) -> None:
    talk.drip(b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"\x03" * 5000)


def accepts_and_never_answers(talk: Talk) -> None:
    talk.listen()


def lets_in_and_never_answers(talk: Talk) -> None:
    talk.say(talk.request(), result(BIND_ANSWER, 0))
    talk.listen()


@pytest.mark.parametrize(
    "behave",
    [
        drips_at_the_bind,
        drips_at_the_search,
        drips_entries,
        accepts_and_never_answers,
        lets_in_and_never_answers,
    ],
)
def test_a_server_that_drips_or_hangs_is_given_up_in_time(behave: Callable[[Talk], None]) -> None:
    with hostile_server(behave) as server:
        engine = LdapEngine(plain(server))
        outcome, took = timed(lambda: engine.verify("dora", WRONG))
    assert isinstance(outcome, Unreachable)
    assert took < TIMEOUT + LATE


@pytest.mark.parametrize(
    ("scheme", "behave"),
    [
        ("ldap", drips_at_starttls),
        ("ldap", accepts_and_never_answers),
        ("ldaps", drips_in_the_handshake),
        ("ldaps", accepts_and_never_answers),
    ],
)
def test_so_is_one_that_does_so_before_tls_has_begun(scheme: str, behave: Callable[[Talk], None]) -> None:
    with hostile_server(behave) as server:
        config = plain(server, servers=(f"{scheme}://127.0.0.1:{server.port}",), start_tls=True)
        outcome, took = timed(lambda: LdapEngine(config).verify("dora", WRONG))
    assert isinstance(outcome, Unreachable)
    assert took < TIMEOUT + LATE
    assert WRONG.encode() not in server.heard


def test_so_is_one_that_drips_under_tls(tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path)
    with hostile_server(drips_at_the_bind, tls=certificate.context()) as server:
        config = plain(
            server,
            servers=(f"ldaps://localhost:{server.port}",),
            ca_certificates=certificate.authority.read_text(),
        )
        outcome, took = timed(lambda: LdapEngine(config).verify("dora", WRONG))
    assert isinstance(outcome, Unreachable)
    assert took < TIMEOUT + LATE


def test_a_server_that_reads_slowly_is_given_up_in_time() -> None:
    def reads_nothing(talk: Talk) -> None:
        talk.stop.wait(10)

    with hostile_server(reads_nothing) as server:
        config = plain(server, **direct(direct_dn=f"uid={{login}},{DORA}"))
        outcome, took = timed(lambda: LdapEngine(config).verify("x" * 1000, "y" * 1000))
    assert isinstance(outcome, Unreachable)
    assert took < TIMEOUT + LATE


def test_an_answer_that_does_not_end_is_not_kept_in_memory() -> None:
    sent = 0

    def floods(talk: Talk) -> None:
        nonlocal sent
        talk.say(talk.request(), result(BIND_ANSWER, 0))
        id = talk.request()
        entry = ber(0x30, id, found(DORA, cn="x" * 50_000))
        while not talk.stop.is_set():
            talk.socket.sendall(entry)
            sent += len(entry)

    with hostile_server(floods) as server:
        outcome, took = timed(lambda: LdapEngine(plain(server, timeout=5.0)).verify("dora", WRONG))
    assert isinstance(outcome, Unreachable)
    assert took < 2
    assert sent < 20 * MOST_BYTES  # what lay in the buffers of the two sockets besides


def test_a_message_that_claims_to_be_endless_is_given_up() -> None:
    def claims(talk: Talk) -> None:
        talk.request()
        talk.socket.sendall(b"\x30\x84\x7f\xff\xff\xff")
        while not talk.stop.is_set():
            talk.socket.sendall(b"\x00" * 10_000)

    with hostile_server(claims) as server:
        outcome, took = timed(lambda: LdapEngine(plain(server, timeout=5.0)).verify("dora", WRONG))
    assert isinstance(outcome, Unreachable)
    assert took < 2


@pytest.mark.parametrize("answer", [BIND_ANSWER, SEARCH_DONE])
def test_a_result_code_of_many_bytes_costs_little(answer: int) -> None:
    end = ber(answer, ber(0x0A, b"\x01" * (MOST_BYTES - 1000)), ber(0x04), ber(0x04))

    def counts_high(talk: Talk) -> None:
        id = talk.request()
        if answer == SEARCH_DONE:
            talk.say(id, result(BIND_ANSWER, 0))
            id = talk.request()
        talk.say(id, end)

    with hostile_server(counts_high) as server:
        began = time.thread_time()
        outcome = LdapEngine(plain(server, timeout=5.0)).verify("dora", WRONG)
        took = time.thread_time() - began
    assert isinstance(outcome, Unreachable)
    assert took < 1


def answers_with(*answers: bytes) -> Callable[[Talk], None]:
    """Lets the service account in, and then says these."""

    def behave(talk: Talk) -> None:
        talk.say(talk.request(), result(BIND_ANSWER, 0))
        talk.say(talk.request(), *answers)
        talk.listen()

    return behave


@pytest.mark.parametrize(
    "answers",
    [
        [result(BIND_ANSWER, 0)],  # to a search
        [result(SEARCH_DONE, 0), result(SEARCH_DONE, 0)],
        [
            found("", cn="nobody"),
            result(SEARCH_DONE, 0),
        ],  # to bind with an empty DN would be an anonymous bind
        [ber(SEARCH_ENTRY), result(SEARCH_DONE, 0)],
        [result(SEARCH_DONE, 51)],
        [result(SEARCH_DONE, 4242)],
        [ber(0x7F)],
        [number(7)],
    ],
)
def test_an_answer_that_makes_no_sense_proves_nothing(answers: list[bytes]) -> None:
    with hostile_server(answers_with(*answers)) as server:
        outcome = LdapEngine(plain(server)).verify("dora", WRONG)
    assert isinstance(outcome, Unreachable | Refused)


@pytest.mark.parametrize(
    "answers",
    [
        [
            found("", cn="nobody"),
            result(SEARCH_DONE, 0),
        ],  # to bind with an empty DN would be an anonymous bind
        [found(DORA), result(SEARCH_DONE, 10)],  # and another server may know one more
        [found(DORA), result(SEARCH_DONE, 4)],
        [found(DORA), found(DORA), result(SEARCH_DONE, 0)],
        [result(SEARCH_DONE, 0)],
    ],
)
def test_what_is_not_exactly_one_entry_is_nobody(answers: list[bytes]) -> None:
    """The server lets everybody in."""
    with hostile_server(answers_with(*answers)) as server:
        outcome = LdapEngine(plain(server)).verify("dora", WRONG)
    assert isinstance(outcome, Refused)
    assert WRONG.encode() not in server.heard


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (10, "", Refused(reason="referral")),
        (19, "Exceed password retry limit. Please try later.", Refused(reason="locked")),
        (53, "Account inactivated. Contact system administrator.", Refused(reason="not_allowed")),
        (49, "AcceptSecurityContext error, data 52e, v3839", Refused()),
        (49, "AcceptSecurityContext error, data 532, v3839", Refused(reason="expired", told="expired")),
        (
            49,
            "AcceptSecurityContext error, data 773, v3839",
            Refused(reason="must_change", told="must_change"),
        ),
        (49, "AcceptSecurityContext error, data 533, v3839", Refused(reason="disabled")),
        (49, "AcceptSecurityContext error, data 701, v3839", Refused(reason="account_expired")),
        (49, "AcceptSecurityContext error, data 775, v3839", Refused(reason="locked")),
        (49, "data 532", Refused()),
    ],
)
def test_what_other_servers_say_of_a_bind_is_understood(code: int, text: str, expected: Refused) -> None:
    def behave(talk: Talk) -> None:
        talk.say(talk.request(), result(BIND_ANSWER, code, text))
        talk.listen()

    with hostile_server(behave) as server:
        config = plain(server, **direct())
        assert LdapEngine(config).verify("dora", WRONG) == expected


@pytest.mark.parametrize("code", [1, 8, 13, 51, 52, 80])
def test_a_server_in_trouble_is_no_wrong_password(code: int) -> None:
    def behave(talk: Talk) -> None:
        talk.say(talk.request(), result(BIND_ANSWER, code))
        talk.listen()

    with hostile_server(behave) as server:
        assert isinstance(LdapEngine(plain(server, **direct())).verify("dora", WRONG), Unreachable)


def test_a_referral_in_the_answer_to_a_bind_is_not_followed() -> None:
    with hostile_server() as trap:
        there = ber(0xA3, ber(0x04, f"ldap://127.0.0.1:{trap.port}/".encode()))

        def behave(talk: Talk) -> None:
            talk.say(talk.request(), result(BIND_ANSWER, 10, "", there))
            talk.listen()

        with hostile_server(behave) as server:
            outcome = LdapEngine(plain(server, **direct())).verify("dora", WRONG)
        assert outcome == Refused(reason="referral")
        assert trap.connections == 0


@given(st.binary(max_size=200), st.booleans())
@effort(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_noise_is_never_taken_for_an_answer(noise: bytes, wrapped: bool) -> None:
    def behave(talk: Talk) -> None:
        id = talk.request()
        if wrapped:
            talk.say(id, ber(BIND_ANSWER, noise))
        else:
            talk.socket.sendall(noise)

    with hostile_server(behave) as server:
        outcome = LdapEngine(plain(server, **direct())).verify("dora", WRONG)
    assert not isinstance(outcome, Verified) or noise.startswith(b"\x0a\x01\x00\x04")


def test_a_connection_that_breaks_at_any_byte_proves_nothing(tmp_path: Path) -> None:
    whole = result(BIND_ANSWER, 0)

    for end in range(len(whole)):

        def behave(talk: Talk, end: int = end) -> None:
            talk.socket.sendall(ber(0x30, talk.request(), whole)[:end])

        with hostile_server(behave) as server:
            outcome = LdapEngine(plain(server, **direct())).verify("dora", WRONG)
        assert isinstance(outcome, Unreachable)


def test_tls_that_is_cut_off_proves_nothing(tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path)

    def cuts(talk: Talk) -> None:
        talk.request()
        assert isinstance(talk.socket, ssl.SSLSocket)
        talk.socket.unwrap()

    with hostile_server(cuts, tls=certificate.context()) as server:
        config = plain(
            server,
            servers=(f"ldaps://localhost:{server.port}",),
            ca_certificates=certificate.authority.read_text(),
        )
        assert isinstance(LdapEngine(config).verify("dora", WRONG), Unreachable)

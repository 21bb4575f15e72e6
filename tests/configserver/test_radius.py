"""Signing in against a real FreeRADIUS."""

import logging
from collections.abc import Iterator

import pytest

from configserver.engines.base import Refused, Unreachable, Verified
from configserver.engines.radius import RadiusConfig, RadiusEngine, server_address
from tests.configserver.radius import asked, config, directory
from tests.services.radius import (
    ALICE,
    CODE,
    COLOUR,
    LOCKED,
    OTP,
    PIN,
    TRIO,
    ZOE,
    Person,
    Radius,
    free_udp_port,
    freeradius,
)

REJECTED = Refused(reason="rejected")
ODD = Person(name="dora \"d' %{User-Password} *)(uid=*", password=' "around" %{x} \\ \\t \t ')
LONG = Person(name="egon", password="ä" * 64)
ENDLESS = Person(name="endless", password="endless-Passw0rd", questions=(CODE,) * 11)


@pytest.fixture(scope="module")
def server() -> Iterator[Radius]:
    with freeradius(people=(ALICE, OTP, TRIO, LOCKED, ZOE, ODD, LONG, ENDLESS)) as server:
        yield server


@pytest.fixture(params=["pap", "chap"])
def engine(request: pytest.FixtureRequest, server: Radius) -> RadiusEngine:
    return directory(server.name, protocol=request.param)


@pytest.mark.parametrize("person", [ALICE, ZOE, ODD, LONG], ids=lambda person: person.name[:5])
def test_the_right_password_is_verified(engine: RadiusEngine, person: Person) -> None:
    assert engine.verify(person.name, person.password) == Verified()


@pytest.mark.parametrize(
    "password", ["wrong-Passw0rd", ALICE.password + " ", ALICE.password.upper(), ZOE.password]
)
def test_another_password_is_refused(engine: RadiusEngine, password: str) -> None:
    assert engine.verify(ALICE.name, password) == REJECTED


def test_nobody_and_a_locked_person_are_refused_in_the_same_words(engine: RadiusEngine) -> None:
    # The Reject of a locked person carries a Reply-Message.
    assert engine.verify("nobody", ALICE.password) == REJECTED
    assert engine.verify(LOCKED.name, LOCKED.password) == REJECTED


@pytest.mark.parametrize("name", ["alice\0", "alice\0x", "", "a" * 254, "ä" * 127, "\ud800"])
def test_a_name_that_cannot_travel_is_refused(engine: RadiusEngine, name: str) -> None:
    assert engine.verify(name, ALICE.password) == Refused(reason="unsendable")


@pytest.mark.parametrize("password", ["", ALICE.password + "\0", "\0", "\udcff"])
def test_a_password_that_cannot_travel_is_refused(engine: RadiusEngine, password: str) -> None:
    assert engine.verify(ALICE.name, password) == Refused(reason="unsendable")


def test_a_decoy_asks_the_server_and_tells_nothing(engine: RadiusEngine) -> None:
    assert engine.decoy("nobody") is None  # type: ignore[func-returns-value]
    assert engine.decoy(ALICE.name) is None  # type: ignore[func-returns-value]


def test_passwords_are_not_changed_by_radius(engine: RadiusEngine) -> None:
    assert engine.change_password(ALICE.name, ALICE.password, "another-Passw0rd") == Refused(
        reason="not_supported"
    )


def test_two_rounds_with_the_right_code(engine: RadiusEngine) -> None:
    question = asked(engine.verify(OTP.name, OTP.password))
    assert (question.prompt, question.echo) == ("Enter your one-time code", False)
    assert engine.answer(OTP.name, question.state, CODE.answer) == Verified(rounds=1)


def test_every_question_is_asked_in_the_servers_own_words(engine: RadiusEngine) -> None:
    first = asked(engine.verify(TRIO.name, TRIO.password))
    second = asked(engine.answer(TRIO.name, first.state, CODE.answer))
    assert (second.prompt, second.echo) == ("Welcome back. Which colour has your token?", True)
    third = asked(engine.answer(TRIO.name, second.state, COLOUR.answer))
    assert third.prompt == "Choose a PIN"
    assert engine.answer(TRIO.name, third.state, PIN.answer) == Verified(rounds=3)


def test_a_wrong_answer_is_refused_in_every_round(engine: RadiusEngine) -> None:
    first = asked(engine.verify(TRIO.name, TRIO.password))
    assert engine.answer(TRIO.name, first.state, "000000") == REJECTED
    assert engine.answer(TRIO.name, first.state, TRIO.password) == REJECTED
    second = asked(engine.answer(TRIO.name, first.state, CODE.answer))
    assert engine.answer(TRIO.name, second.state, CODE.answer) == REJECTED


def test_the_questions_end_somewhere(server: Radius) -> None:
    engine = directory(server.name)
    outcome = engine.verify(ENDLESS.name, ENDLESS.password)
    for _ in range(10):
        outcome = engine.answer(ENDLESS.name, asked(outcome).state, CODE.answer)
    assert outcome == Refused(reason="too_many_questions")


def test_a_state_that_was_changed_is_refused(server: Radius) -> None:
    engine = directory(server.name)
    state = asked(engine.verify(OTP.name, OTP.password)).state
    middle = len(state) // 2
    changed = [
        state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :],
        state[:-4],
        state.partition(".")[2],
        "",
        "k1.",
        "ö.ö",
        "\ud800",
    ]
    for other in changed:
        assert engine.answer(OTP.name, other, CODE.answer) == Refused(reason="bad_state")
    assert engine.answer(OTP.name, state, CODE.answer) == Verified(rounds=1)


def test_a_state_is_of_one_name_and_one_directory(server: Radius) -> None:
    engine = directory(server.name)
    state = asked(engine.verify(OTP.name, OTP.password)).state
    assert engine.answer(TRIO.name, state, CODE.answer) == Refused(reason="bad_state")
    assert directory(server.name).answer(OTP.name, state, CODE.answer) == Refused(reason="bad_state")


def test_a_state_of_a_server_that_is_no_longer_there_is_refused(server: Radius) -> None:
    state = asked(directory(server.name, id="one").verify(OTP.name, OTP.password)).state
    moved = directory(f"localhost:{server.port}", id="one")
    assert moved.answer(OTP.name, state, CODE.answer) == Refused(reason="bad_state")


@pytest.mark.parametrize("answer", ["", "1" * 129, "123456\0"])
def test_an_answer_that_cannot_travel_is_refused(server: Radius, answer: str) -> None:
    engine = directory(server.name)
    state = asked(engine.verify(OTP.name, OTP.password)).state
    assert engine.answer(OTP.name, state, answer) == Refused(reason="unsendable")


def test_a_password_of_129_bytes_is_sent_by_chap_alone(server: Radius) -> None:
    assert directory(server.name).verify(LONG.name, LONG.password + "!") == Refused(reason="unsendable")
    assert directory(server.name, protocol="chap").verify(LONG.name, LONG.password + "!") == REJECTED


def test_a_server_is_found_by_its_name(server: Radius) -> None:
    assert directory(f"localhost:{server.port}").verify(ALICE.name, ALICE.password) == Verified()


def test_a_server_that_does_not_sign_its_answers_is_not_believed() -> None:
    with freeradius(signed=False) as server:
        for protocol in ("pap", "chap"):
            outcome = directory(server.name, protocol=protocol).verify(ALICE.name, ALICE.password)
            assert outcome == Unreachable(reason=f"{server.name}: answers without a Message-Authenticator")


def test_another_shared_secret_is_as_good_as_no_server(server: Radius) -> None:
    for secret in ("another secret", server.secret + "x", server.secret[:-1]):
        outcome = directory(server.name, secret=secret).verify(ALICE.name, ALICE.password)
        assert outcome == Unreachable(reason=f"{server.name}: no answer")
    assert directory(server.name, secret="").verify(ALICE.name, ALICE.password) == Unreachable(
        reason="no shared secret"
    )


def test_a_good_server_passes_its_test(server: Radius) -> None:
    tested = directory(server.name).test(server.name, login=ALICE.name)
    assert tested.ok
    assert [(check.step, check.seen) for check in tested.checks] == [
        ("resolve", "127.0.0.1"),
        ("answer", "It answers, and its answer is signed with the shared secret."),
    ]


def test_the_test_says_what_is_missing(server: Radius) -> None:
    def seen(name: str, **more: str) -> tuple[str, str]:
        tested = directory(name, **more).test(name)
        assert not tested.ok
        return tested.checks[-1].step, tested.checks[-1].seen

    step, sentence = seen(f"127.0.0.1:{free_udp_port()}")
    assert (step, sentence) == ("answer", "Nobody listens at this address and port.")
    step, sentence = seen(server.name, secret="another secret")
    assert step == "answer"
    for word in ("No answer", "address", "port", "shared secret", "Message-Authenticator"):
        assert word in sentence
    assert seen(server.name, secret="") == ("answer", "There is no shared secret.")
    assert seen("no-such-host.invalid", timeout=1.0)[0] == "resolve"
    with freeradius(signed=False) as careless:
        step, sentence = seen(careless.name)
        assert step == "answer"
        assert "the answer has no Message-Authenticator" in sentence


def test_the_test_of_a_server_takes_no_address_that_is_none(server: Radius) -> None:
    [check] = directory(server.name).test("radius://[::").checks
    assert (check.step, check.ok) == ("resolve", False)
    assert "host:port" in check.seen


def test_no_secret_is_written_anywhere(server: Radius, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    dead = f"127.0.0.1:{free_udp_port()}"
    settings = config(server.name, dead)
    engine = RadiusEngine(settings)
    question = engine.verify(OTP.name, OTP.password)
    answered = engine.answer(OTP.name, asked(question).state, CODE.answer)
    unheard = directory(dead, server.name, secret="another secret").verify(ALICE.name, ALICE.password)
    tested = directory(dead, server.name, secret="another secret").test(server.name)
    everything = [
        caplog.text,
        *map(repr, (settings, engine, question, answered, unheard, tested, vars(engine))),
    ]
    assert "127.0.0.1" in caplog.text
    for secret in (
        server.secret,
        "another secret",
        OTP.password,
        ALICE.password,
        CODE.answer,
        asked(question).state,
    ):
        assert not any(secret in text for text in everything)
    for person in (OTP, ALICE):
        assert person.name not in caplog.text.replace(__name__, "")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("radius.example", ("radius.example", 1812)),
        ("radius.example:1645", ("radius.example", 1645)),
        ("192.0.2.1:65535", ("192.0.2.1", 65535)),
        ("[2001:db8::1]", ("2001:db8::1", 1812)),
        ("[fe80::1%eth0]:1813", ("fe80::1%eth0", 1813)),
    ],
)
def test_a_server_is_a_host_and_perhaps_a_port(written: str, read: tuple[str, int]) -> None:
    assert server_address(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        ":1812",
        "host:",
        "host:0",
        "host:65536",
        "::1",
        "[::1",
        "a b",
        "user@host",
        "host/x",
        "host\n",
        "[host]",
    ],
)
def test_anything_else_is_no_server(written: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        server_address(written)


@pytest.mark.parametrize(
    "wrong",
    [
        {"protocol": "mschap"},
        {"nas_identifier": ""},
        {"nas_identifier": "n" * 254},
        {"attempts": 0},
        {"attempt_timeout": 0},
        {"timeout": 0},
        {"servers": ("one", "two:x")},
    ],
)
def test_settings_that_can_be_of_no_use_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        RadiusConfig(**{"id": "1", "servers": ("one",), "secret": "s"} | wrong)  # type: ignore[arg-type]

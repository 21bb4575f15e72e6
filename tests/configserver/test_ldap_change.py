"""Putting a new password in the place of the current one, where it is kept."""

from collections.abc import Iterator
from typing import Any

import pytest

from configserver.engines.base import Changed, NotTaken, Refused, Unreachable, Verified
from configserver.engines.ldap import LdapEngine
from tests.configserver.ldap_stage import WRONG, config_of, direct, engine_of, timed
from tests.services.hostile import BIND_ANSWER, EXTENDED_ANSWER, Talk, hostile_server, result
from tests.services.ldap import Ldap, ldap_machine, password_of

NEW = "Another-Passw0rd"


@pytest.fixture
def directory() -> Iterator[Ldap]:
    with ldap_machine() as server:
        yield server


@pytest.fixture(params=["search", "direct"])
def engine(request: pytest.FixtureRequest, directory: Ldap) -> LdapEngine:
    """One that searches first, and one that does not."""
    return engine_of(directory, **(direct() if request.param == "direct" else {}))


def test_the_new_password_is_right_from_now_on_and_the_old_one_wrong(engine: LdapEngine) -> None:
    assert engine.change_password("egon", password_of("egon"), NEW) == Changed()
    assert isinstance(engine.verify("egon", NEW), Verified)
    assert engine.verify("egon", password_of("egon")) == Refused()


def test_a_wrong_current_password_changes_nothing(engine: LdapEngine) -> None:
    assert engine.change_password("egon", WRONG, NEW) == Refused()
    assert engine.change_password("nobody", WRONG, NEW) != Changed()
    assert isinstance(engine.verify("egon", password_of("egon")), Verified)


def test_whoever_must_change_the_password_can(engine: LdapEngine) -> None:
    before = engine.verify("must-change", password_of("must-change"))
    assert isinstance(before, Verified)
    assert before.must_change
    assert engine.change_password("must-change", password_of("must-change"), NEW) == Changed()
    after = engine.verify("must-change", NEW)
    assert isinstance(after, Verified)
    assert not after.must_change
    assert after.email == "must-change@example.org"


def test_with_the_last_grace_it_can_be_changed_too(engine: LdapEngine) -> None:
    assert engine.change_password("grace", password_of("grace"), NEW) == Changed()
    outcome = engine.verify("grace", NEW)
    assert isinstance(outcome, Verified)
    assert outcome.grace_left is None


def test_without_grace_it_cannot(engine: LdapEngine) -> None:
    refused = engine.change_password("expired", password_of("expired"), NEW)
    assert refused == Refused(reason="expired", told="expired")


@pytest.mark.parametrize(
    ("login", "new", "said"),
    [
        ("egon", "short", "longer password"),
        ("egon", password_of("egon"), "had this password before"),
        ("fixed", NEW, "does not let you"),
    ],
)
def test_the_directory_s_own_rules_hold_and_are_told(
    engine: LdapEngine, login: str, new: str, said: str
) -> None:
    outcome = engine.change_password(login, password_of(login), new)
    assert isinstance(outcome, NotTaken)
    assert said in outcome.sentence
    assert isinstance(engine.verify(login, password_of(login)), Verified)


@pytest.mark.parametrize("new", ["", "\0", "x" * 1001, "half \ud800 a pair"])
def test_what_is_no_password_is_not_sent(directory: Ldap, engine: LdapEngine, new: str) -> None:
    directory.forget()
    outcome = engine.change_password("egon", password_of("egon"), new)
    assert isinstance(outcome, NotTaken)
    assert outcome.sentence
    assert directory.binds() == []


def test_an_empty_current_password_is_not_sent(directory: Ldap, engine: LdapEngine) -> None:
    directory.forget()
    assert engine.change_password("egon", "", NEW) == Refused(reason="not_sent")
    assert directory.binds() == []


def test_a_password_of_any_characters_is_set_as_it_was_typed(engine: LdapEngine) -> None:
    odd = "  Pässwörd 😀 \u00ad x²  "
    assert engine.change_password("egon", password_of("egon"), odd) == Changed()
    assert isinstance(engine.verify("egon", odd), Verified)
    assert engine.verify("egon", odd.strip()) == Refused()


def test_where_the_settings_do_not_allow_it_nobody_is_asked(directory: Ldap) -> None:
    directory.forget()
    engine = engine_of(directory, change_password=False)
    outcome = engine.change_password("egon", password_of("egon"), NEW)
    assert isinstance(outcome, NotTaken)
    assert outcome.sentence
    assert directory.binds() == []


def test_while_no_server_answers_nothing_changes(directory: Ldap, engine: LdapEngine) -> None:
    directory.kill()
    assert isinstance(engine.change_password("egon", password_of("egon"), NEW), Unreachable)


def _plain(*ports: int, **changes: Any) -> LdapEngine:
    servers = tuple(f"ldap://127.0.0.1:{port}" for port in ports)
    return LdapEngine(config_of(servers=servers, start_tls=False, **direct(), **changes))


def test_a_change_that_was_sent_is_not_sent_to_another_server() -> None:
    """It may have been made, and the current password of the person be another one by now."""

    def takes_it_and_falls_silent(talk: Talk) -> None:
        talk.say(talk.request(), result(BIND_ANSWER, 0))
        talk.request()
        talk.listen()

    with hostile_server(takes_it_and_falls_silent) as first, hostile_server() as second:
        engine = _plain(first.port, second.port, timeout=1.0)
        outcome, took = timed(lambda: engine.change_password("egon", password_of("egon"), NEW))
        assert isinstance(outcome, Unreachable)
        assert took < 1.5
        assert second.connections == 0


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            19,
            "The password \x1b[31mis in a\ndictionary",
            NotTaken(sentence="The password [31mis in adictionary"),
        ),
        (53, "", NotTaken()),
        (10, "", NotTaken()),
        (2, "unsupported extended operation", Unreachable),
        (51, "", Unreachable),
    ],
)
def test_other_servers_reasons_are_told_in_their_own_words(code: int, text: str, expected: Any) -> None:
    def behave(talk: Talk) -> None:
        talk.say(talk.request(), result(BIND_ANSWER, 0))
        talk.say(talk.request(), result(EXTENDED_ANSWER, code, text))
        talk.listen()

    with hostile_server(behave) as server:
        outcome = _plain(server.port).change_password("egon", password_of("egon"), NEW)
    assert isinstance(outcome, expected) if isinstance(expected, type) else outcome == expected

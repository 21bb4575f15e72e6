"""What a process remembers of a directory's answers, and for how long (`ldap-cache-time`, `ldap-negative-cache-time`)."""

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from configserver.engines.base import Changed, Refused, Unreachable, Verified
from configserver.engines.ldap import LdapConfig, LdapEngine
from configserver.engines.ldap.state import MOST_ANSWERS, Answers, Pace, state_of
from tests.configserver.ldap_stage import WRONG, config_of, timed
from tests.services.ldap import LOCKS_AFTER, Ldap, ldap_machine, password_of

RIGHT, NEW = password_of("egon"), "Another-Passw0rd"


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def directory() -> Iterator[Ldap]:
    with ldap_machine() as server:
        yield server


@pytest.fixture
def config(directory: Ldap) -> LdapConfig:
    return config_of(directory, cache_seconds=60, negative_cache_seconds=60)


def test_a_right_password_is_remembered_also_while_no_server_answers(
    directory: Ldap, config: LdapConfig
) -> None:
    first = LdapEngine(config).verify("egon", RIGHT)
    directory.kill()
    assert isinstance(first, Verified)
    assert LdapEngine(config).verify("egon", RIGHT) == first


def test_a_wrong_password_is_never_taken_for_the_remembered_one(config: LdapConfig) -> None:
    engine = LdapEngine(config)
    assert isinstance(engine.verify("egon", RIGHT), Verified)
    for wrong in (f"{RIGHT} ", RIGHT.lower()):
        assert engine.verify("egon", wrong) == Refused()
    assert isinstance(engine.verify("dora", RIGHT), Refused)


def test_the_last_wrong_password_is_not_sent_again(directory: Ldap, config: LdapConfig) -> None:
    engine = LdapEngine(config)
    assert engine.verify("egon", WRONG) == Refused()
    directory.forget()
    for _ in range(2 * LOCKS_AFTER):
        assert engine.verify("egon", WRONG) == Refused()
    assert directory.binds() == []
    assert isinstance(engine.verify("egon", RIGHT), Verified)


def test_a_remembered_refusal_takes_as_long_as_a_real_one(config: LdapConfig) -> None:
    engine = LdapEngine(config)
    _, real = timed(lambda: engine.verify("egon", WRONG))
    _, remembered = timed(lambda: engine.verify("egon", WRONG))
    assert remembered > 0.9 * real


def test_without_these_settings_nothing_is_remembered(directory: Ldap) -> None:
    engine = LdapEngine(config_of(directory))
    assert isinstance(engine.verify("egon", RIGHT), Verified)
    directory.kill()
    assert isinstance(engine.verify("egon", RIGHT), Unreachable)


def test_a_changed_configuration_forgets(directory: Ldap, config: LdapConfig) -> None:
    assert isinstance(LdapEngine(config).verify("egon", RIGHT), Verified)
    directory.kill()
    changed = replace(config, phone_attribute="mobile")
    assert isinstance(LdapEngine(changed).verify("egon", RIGHT), Unreachable)


def test_a_change_of_the_password_forgets_the_old_one(config: LdapConfig) -> None:
    engine = LdapEngine(config)
    assert isinstance(engine.verify("egon", RIGHT), Verified)
    assert engine.change_password("egon", RIGHT, NEW) == Changed()
    assert engine.verify("egon", RIGHT) == Refused()
    assert isinstance(engine.verify("egon", NEW), Verified)


def test_what_will_not_last_is_not_remembered(directory: Ldap, config: LdapConfig) -> None:
    engine = LdapEngine(config)
    grace = [engine.verify("grace", password_of("grace")) for _ in range(3)]
    assert [getattr(one, "grace_left", None) for one in grace] == [1, 0, None]
    assert isinstance(engine.verify("must-change", password_of("must-change")), Verified)
    directory.kill()
    assert isinstance(engine.verify("must-change", password_of("must-change")), Unreachable)


def test_answers_last_for_their_time() -> None:
    hands = Hands()
    answers = Answers(right=10, wrong=5, clock=hands)
    right = Verified(entry="1")
    answers.put("egon", RIGHT, right, asked_at=hands.at)
    answers.put("egon", WRONG, Refused(), asked_at=hands.at)
    hands.at += 4.9
    assert (answers.get("egon", RIGHT), answers.get("egon", WRONG)) == (right, Refused())
    hands.at += 0.2
    assert (answers.get("egon", RIGHT), answers.get("egon", WRONG)) == (right, None)
    hands.at += 5
    assert answers.get("egon", RIGHT) is None


def test_an_answer_from_before_a_change_comes_too_late() -> None:
    hands = Hands()
    answers = Answers(right=10, wrong=10, clock=hands)
    began = hands.at
    hands.at += 1
    answers.forget("egon")
    hands.at += 1
    answers.put("egon", RIGHT, Verified(), asked_at=began)
    assert answers.get("egon", RIGHT) is None


def test_locked_and_expired_are_not_remembered() -> None:
    answers = Answers(right=10, wrong=10)
    for refused in (
        Refused(reason="locked"),
        Refused(reason="expired", told="expired"),
        Refused(reason="unknown"),
    ):
        answers.put("egon", WRONG, refused, asked_at=1e12)
        assert answers.get("egon", WRONG) is None


def test_the_memory_is_bounded() -> None:
    answers = Answers(right=10, wrong=10)
    for index in range(MOST_ANSWERS + 100):
        answers.put(f"user{index}", RIGHT, Verified(), asked_at=1e12)
    assert len(answers._kept) == MOST_ANSWERS
    assert answers.get("user0", RIGHT) is None
    assert answers.get(f"user{MOST_ANSWERS + 99}", RIGHT) == Verified()


def test_passwords_are_kept_as_fingerprints_alone(config: LdapConfig) -> None:
    engine = LdapEngine(config)
    engine.verify("egon", RIGHT)
    engine.verify("egon", WRONG)
    gc.collect()
    kept = repr(state_of(config).answers._kept)
    assert "egon" in kept
    assert RIGHT not in kept
    assert WRONG not in kept


def test_every_refusal_takes_as_long_as_one_of_the_last_wrong_passwords() -> None:
    pace = Pace()
    _, took = timed(lambda: pace.hold(0))
    assert took < 0.02  # nothing is known yet
    pace.note(0.1)
    _, took = timed(lambda: pace.hold(0.04))
    assert 0.05 < took < 0.2
    _, took = timed(lambda: pace.hold(0.2))
    assert took < 0.02

"""The rules about passwords."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configserver.passwords import (
    CEILING_LENGTH,
    FLOOR_LENGTH,
    NONE,
    Broken,
    Rules,
    asked_for,
    broken_rules,
    days_until_expiry,
    is_expired,
    is_idle_too_long,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
STRICT = Rules(alpha=True, mixed_case=True, number=True, punctuation=True)


def names(
    password: str, rules: Rules = NONE, *, common: tuple[str, ...] = (), about: tuple[str, ...] = ()
) -> list[str]:
    return [one.rule for one in broken_rules(password, rules, common=common, about=about)]


@pytest.mark.parametrize("length", [0, 1, FLOOR_LENGTH - 1])
def test_the_floor_holds_without_any_rule(length: int) -> None:
    assert broken_rules("x" * length, NONE, common=()) == [Broken("min_length", FLOOR_LENGTH)]


@pytest.mark.parametrize("length", [FLOOR_LENGTH, 64, CEILING_LENGTH])
def test_between_floor_and_ceiling_a_password_is_long_enough(length: int) -> None:
    assert names("x" * length) == []


def test_one_character_above_the_ceiling_is_too_long() -> None:
    assert broken_rules("x" * (CEILING_LENGTH + 1), NONE, common=()) == [Broken("max_length", CEILING_LENGTH)]


def test_an_organisation_can_ask_for_more_than_the_floor_but_not_for_less() -> None:
    assert broken_rules("x" * 15, Rules(min_length=16), common=()) == [Broken("min_length", 16)]
    assert broken_rules("x" * 11, Rules(min_length=4), common=()) == [Broken("min_length", FLOOR_LENGTH)]


@pytest.mark.parametrize("password", ["football1234", "FOOTBALL1234", " football1234 "])
def test_a_common_password_is_refused_in_every_case_and_with_spaces_around(password: str) -> None:
    assert names(password, common=("football1234",)) == ["common"]


@pytest.mark.parametrize(
    "password", ["ada@acme.example", "Ada@Acme.Example2024", "1ada@acme.example!", "xxada@acme.examplexx"]
)
def test_a_password_made_of_the_persons_own_words_is_refused(password: str) -> None:
    assert names(password, about=("ada@acme.example", "ada")) == ["common"]


@pytest.mark.parametrize(
    "password", ["my adamant staple", "ada@acme.example and more", "lovelace correct horse"]
)
def test_a_password_may_contain_a_word_of_the_person_among_others(password: str) -> None:
    assert names(password, about=("ada@acme.example", "ada", "lovelace", "")) == []


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("Correct-horse-1", []),
        ("correct-horse-1", ["mixed_case"]),
        ("CORRECT-HORSE-1", ["mixed_case"]),
        ("Correct-horse-x", ["number"]),
        ("Correct1horse22", ["punctuation"]),
        ("Correct1 horse2", ["punctuation"]),
        ("1234567890-123", ["alpha", "mixed_case"]),
        ("ÄÖÜäöü-ÄÖÜäöü-1", []),
        ("пароль-ПАРОЛЬ-1", []),
        ("密码密码密码密码-密码密码1", ["mixed_case"]),
    ],
)
def test_the_classes_of_characters(password: str, broken: list[str]) -> None:
    assert names(password, STRICT) == broken


@given(st.text(max_size=140))
def test_every_text_gets_an_answer_and_each_rule_is_named_once(password: str) -> None:
    found = names(password, STRICT, common=("football1234",), about=("ada@acme.example",))
    assert len(found) == len(set(found))


@given(
    st.text(min_size=FLOOR_LENGTH, max_size=CEILING_LENGTH),
    st.sampled_from(["alpha", "mixed_case", "number", "punctuation"]),
)
def test_a_rule_more_never_lets_a_password_through(password: str, rule: str) -> None:
    fewer = Rules()
    assert set(names(password, fewer)) <= set(names(password, replace(fewer, **{rule: True})))


def test_the_rules_shown_before_typing_are_those_in_force() -> None:
    assert asked_for(NONE) == [Broken("min_length", 12), Broken("common"), Broken("no_repeats", 1)]
    rules = replace(STRICT, min_length=16, no_repeats=5)
    assert asked_for(rules) == [
        Broken("min_length", 16),
        Broken("common"),
        Broken("alpha"),
        Broken("mixed_case"),
        Broken("number"),
        Broken("punctuation"),
        Broken("no_repeats", 5),
    ]


def test_a_password_expires_on_the_day_and_not_before() -> None:
    rules = Rules(expiration_days=30)
    due = NOW + timedelta(days=30)
    assert not is_expired(changed_at=NOW, rules=rules, now=due - timedelta(microseconds=1))
    assert is_expired(changed_at=NOW, rules=rules, now=due)


def test_without_an_expiry_nothing_expires() -> None:
    assert not is_expired(changed_at=None, rules=NONE, now=NOW)
    assert not is_expired(changed_at=NOW - timedelta(days=9_999), rules=NONE, now=NOW)


def test_a_password_of_unknown_age_is_expired_once_there_is_an_expiry() -> None:
    assert is_expired(changed_at=None, rules=Rules(expiration_days=365), now=NOW)


@pytest.mark.parametrize(
    ("age", "left"), [(0, None), (22, None), (23, 7), (29, 1), (29.5, 0), (30, 0), (31, None)]
)
def test_people_are_warned_in_the_last_days(age: float, left: int | None) -> None:
    rules = Rules(expiration_days=30, notify_days=7)
    assert days_until_expiry(changed_at=NOW - timedelta(days=age), rules=rules, now=NOW) == left


def test_nobody_is_warned_without_expiry_or_warning_period_or_known_age() -> None:
    for rules, changed in [
        (Rules(notify_days=7), NOW),
        (Rules(expiration_days=1), NOW),
        (Rules(expiration_days=1, notify_days=1), None),
    ]:
        assert days_until_expiry(changed_at=changed, rules=rules, now=NOW) is None


def test_an_unused_account_is_idle_on_the_day_and_not_before() -> None:
    rules = Rules(account_expiration_days=90)
    due = NOW + timedelta(days=90)
    assert not is_idle_too_long(last_used_at=NOW, rules=rules, now=due - timedelta(microseconds=1))
    assert is_idle_too_long(last_used_at=NOW, rules=rules, now=due)
    assert not is_idle_too_long(last_used_at=NOW, rules=NONE, now=due)

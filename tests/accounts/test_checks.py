"""Whether a new password may be taken: the rules of the company, and the passwords that the person had."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from pytest_django import Settings

from accounts.checks import refuse_password, rules_in_words, rules_of
from accounts.models import User
from accounts.people import about, store_password
from configserver.password_rules import common_passwords
from configserver.passwords import NONE
from core.db import unit
from tenants.actor import system_actor
from tenants.models import Company
from tenants.settings import change_settings
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
RULES = "security-authentication-rules"
GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(settings: Settings) -> None:
    """What is tested is which hashes are compared, not how dear one is."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def demand(clock: Clock, *, company: Company | None = None, strict: bool = True, **rules: Any) -> None:
    values = {f"{RULES}.{name.replace('_', '-')}": value for name, value in rules.items()}
    change_settings(
        {"Login.Security.Strict": strict, **values},
        company=company,
        reason="test",
        by=system_actor(),
        now=clock(),
    )


def had(user: User, clock: Clock, *passwords: str) -> None:
    """The person has had these passwords, the last one now."""
    for password in passwords:
        clock.forward(days=1)
        with unit():
            store_password(user, make_password(password), must_change=False, now=clock())
    user.refresh_from_db()


def words(password: str, user: User) -> str:
    refused = refuse_password(
        password, company_id=user.company_id, about=about(user), now=timezone.now(), user=user
    )
    return str(refused.message) if refused is not None else ""


def test_the_rules_of_a_company_stand_above_the_global_ones(
    acme: Company, globex: Company, clock: Clock
) -> None:
    assert rules_of(acme.pk) == NONE
    demand(clock, password_min_length=14)
    demand(clock, company=acme, password_min_length=20)
    assert [rules_of(one).min_length for one in (None, acme.pk, globex.pk)] == [14, 20, 14]


def test_without_the_strict_switch_no_rule_but_the_floor_holds(acme: Company, clock: Clock) -> None:
    demand(clock, strict=False, password_min_length=20, password_req_number=True)
    assert rules_of(acme.pk) == NONE
    assert rules_in_words(acme.pk) == [
        "Use at least 12 characters.",
        "Choose one that is not easily guessed: no common password, and not made of your name or address.",
        "Not your last password.",
    ]


def test_every_rule_is_said_in_words_before_and_after_typing(ben: User, clock: Clock) -> None:
    demand(
        clock, password_min_length=16, password_req_alpha=True, password_req_mixed_case=True, password_req_number=True,
        password_req_punctuation=True, password_no_repeats=3,
    )  # fmt: skip
    said = rules_in_words(ben.company_id)
    assert len(said) == 7
    assert "None of your last 3 passwords." in said
    refusal = words("", ben)
    for sentence in said[0:1] + said[2:6]:
        assert sentence in refusal
    assert words("Correct-horse-battery-1", ben) == ""


def test_common_passwords_are_known_offline() -> None:
    assert len(common_passwords()) >= 19_000
    assert {"password", "1qaz2wsx3edc"} <= common_passwords()


def test_the_password_in_force_is_never_a_new_one(ben: User, clock: Clock) -> None:
    had(ben, clock, "the first password", GOOD)
    assert words(GOOD, ben) == "Not your last password."
    assert words("the first password", ben) == ""


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_so_many_earlier_passwords_cannot_be_taken_again(ben: User, clock: Clock, repeats: int) -> None:
    demand(clock, password_no_repeats=repeats)
    mine = [f"my password number {number}" for number in range(5)]
    had(ben, clock, *mine)
    taken = [bool(words(password, ben)) for password in mine]
    assert taken == [False] * (5 - repeats) + [True] * repeats


def test_passwords_of_somebody_else_may_be_taken(ben: User, ada: User, clock: Clock) -> None:
    demand(clock, password_no_repeats=30)
    had(ada, clock, GOOD)
    assert words(GOOD, ben) == ""


def test_who_has_no_password_has_none_to_repeat(ben: User, clock: Clock) -> None:
    demand(clock, password_no_repeats=5)
    assert not ben.has_usable_password()
    assert words(GOOD, ben) == ""


def test_a_refusal_repeats_no_password(ben: User, clock: Clock) -> None:
    refused = refuse_password(
        "hunter2", company_id=ben.company_id, about=about(ben), now=timezone.now(), user=ben
    )
    assert refused is not None
    assert "hunter2" not in str(refused)
    assert (refused.code, refused.field) == ("password_rules", "new_password")


def test_passwords_cannot_be_offered_without_end_for_each_costs_hashes(ben: User, clock: Clock) -> None:
    def offer() -> str | None:
        refused = refuse_password(
            "a-quite-new-one-9", company_id=ben.company_id, about=about(ben), now=clock(), user=ben
        )
        return refused and refused.code

    assert [offer() for _ in range(21)] == [None] * 20 + ["too_many"]
    clock.forward(hours=1, seconds=1)
    assert offer() is None

"""The next step of a sign-in, for every combination of facts there is."""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import product

import pytest

from login.flow import Facts, Help, Purpose, Step, next_step

CHOICES = {
    "purpose": tuple(Purpose),
    "methods": ((), ("email", "totp"), ("passkey", "webservice:app")),
    "method": ("", "email", "passkey"),
    "without_method": ("deny", "enrol", "agent", "allow"),
    "help": (Help.NONE, Help.ASKED, Help.CONFIRMED, Help.DENIED),  # what is due stands like what was asked
}


def every_combination() -> Iterator[Facts]:
    names = [field.name for field in fields(Facts)]
    for values in product(*(CHOICES.get(name, (False, True)) for name in names)):
        yield Facts(**dict(zip(names, values, strict=True)))


def is_begun(facts: Facts) -> bool:
    """Whether the first proof that this purpose asks for was given."""
    if facts.by_link or facts.purpose is Purpose.SSO:
        return facts.link_proved
    return facts.password_proved or facts.passkey_proved


def test_every_combination_of_facts_asks_for_one_known_step() -> None:
    assert {next_step(facts) for facts in every_combination()} == set(Step) - {Step.LOST}


def test_nothing_is_done_while_something_needed_is_missing() -> None:
    done = [facts for facts in every_combination() if next_step(facts) is Step.DONE]
    assert done
    for facts in done:
        assert not facts.ended
        assert is_begun(facts)
        assert (
            not facts.factor_needed
            or facts.factor_proved
            or facts.help is Help.CONFIRMED
            or (facts.help is Help.NONE and not facts.methods and facts.without_method == "allow")
        )
        assert not facts.change_due or facts.changed


def test_nothing_but_the_first_proof_is_asked_for_before_it_was_given() -> None:
    for facts in every_combination():
        if not is_begun(facts):
            first = {
                Step.PASSWORD,
                Step.CHALLENGE,
                Step.PASSKEY,
                Step.MAILED_CODE,
                Step.CONTINUE,
                Step.DENIED,
            }
            assert next_step(facts) in first


def test_the_proof_of_one_kind_is_none_for_another() -> None:
    for facts in every_combination():
        if facts.by_link or facts.purpose is Purpose.SSO:
            assert next_step(facts) is next_step(replace(facts, password_proved=not facts.password_proved))
            assert next_step(facts) is next_step(replace(facts, passkey_proved=not facts.passkey_proved))
        else:
            assert next_step(facts) is next_step(replace(facts, link_proved=not facts.link_proved))


def test_who_has_a_link_is_asked_for_nothing_else_first() -> None:
    for facts in every_combination():
        if not is_begun(facts) and not facts.ended and facts.by_link and facts.purpose is not Purpose.SSO:
            assert next_step(facts) is Step.MAILED_CODE


def test_a_new_password_is_asked_for_only_after_the_second_factor() -> None:
    for facts in every_combination():
        if next_step(facts) is Step.CHANGE_PASSWORD:
            proved = facts.factor_proved or facts.help is Help.CONFIRMED
            assert proved or not facts.factor_needed or not facts.methods


def test_one_more_proof_never_leads_back_to_an_earlier_step() -> None:
    second = [Step.METHOD, Step.CODE, Step.PASSKEY, Step.ENROL, Step.HELP]

    def place(facts: Facts) -> int:
        """How far the sign-in has come."""
        step = next_step(facts)
        if not is_begun(facts):
            return 0
        return 1 if step in second else [Step.CHANGE_PASSWORD, Step.DONE].index(step) + 2

    for facts in every_combination():
        if next_step(facts) is Step.DENIED:
            continue
        for proof in ("password_proved", "passkey_proved", "link_proved", "factor_proved", "changed"):
            after = replace(facts, **{proof: True})
            assert next_step(after) is Step.DENIED or place(after) >= place(facts)


def test_an_answer_of_the_administrator_counts_only_where_one_was_asked_and_after_the_first_proof() -> None:
    for facts in every_combination():
        if facts.help is Help.DENIED and is_begun(facts):
            assert next_step(facts) is Step.DENIED
        elif facts.ended or not is_begun(facts) or not facts.factor_needed or facts.factor_proved:
            assert next_step(facts) is next_step(replace(facts, help=Help.NONE))


def test_what_has_ended_stays_ended() -> None:
    for facts in every_combination():
        if facts.ended:
            assert next_step(facts) is Step.DENIED


def test_a_code_is_asked_for_only_by_a_method_that_the_person_has() -> None:
    for facts in every_combination():
        if next_step(facts) is Step.CODE or (is_begun(facts) and next_step(facts) is Step.PASSKEY):
            assert facts.method in facts.methods
            assert (facts.method == "passkey") is (next_step(facts) is Step.PASSKEY)
        if next_step(facts) is Step.METHOD:
            assert facts.methods
            assert facts.method not in facts.methods


def test_an_unknown_behaviour_without_a_method_denies() -> None:
    facts = Facts(purpose=Purpose.SIGN_IN, password_proved=True, factor_needed=True)
    assert next_step(replace(facts, without_method="something else")) is Step.DENIED
    assert next_step(facts) is Step.DENIED


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (Facts(purpose=Purpose.SIGN_IN), Step.PASSWORD),
        (Facts(purpose=Purpose.SIGN_IN, password_proved=True), Step.DONE),
        (
            Facts(
                purpose=Purpose.SIGN_IN, password_proved=True, factor_needed=True, methods=("email", "totp")
            ),
            Step.METHOD,
        ),
        (
            Facts(
                purpose=Purpose.SIGN_IN,
                password_proved=True,
                factor_needed=True,
                methods=("email",),
                method="email",
                change_due=True,
            ),
            Step.CODE,
        ),
        (
            Facts(purpose=Purpose.SIGN_IN, password_proved=True, factor_needed=True, without_method="enrol"),
            Step.ENROL,
        ),
        (Facts(purpose=Purpose.SIGN_IN, password_proved=True, change_due=True), Step.CHANGE_PASSWORD),
        (Facts(purpose=Purpose.CONFIRM), Step.PASSWORD),
        (Facts(purpose=Purpose.SIGN_IN, asked=True), Step.CHALLENGE),
        (Facts(purpose=Purpose.CONFIRM, asked=True), Step.CHALLENGE),
        (Facts(purpose=Purpose.FORGOTTEN, by_link=True, asked=True), Step.MAILED_CODE),
        (Facts(purpose=Purpose.FORGOTTEN, by_link=True), Step.MAILED_CODE),
        (
            Facts(purpose=Purpose.FORGOTTEN, by_link=True, link_proved=True, change_due=True),
            Step.CHANGE_PASSWORD,
        ),
        (
            Facts(
                purpose=Purpose.FORGOTTEN,
                by_link=True,
                link_proved=True,
                factor_needed=True,
                methods=("totp",),
                method="totp",
                change_due=True,
            ),
            Step.CODE,
        ),
    ],
)
def test_the_road_as_seed_and_mission_tell_it(facts: Facts, step: Step) -> None:
    assert next_step(facts) is step

"""Which policy holds, and whether it asks."""

from itertools import permutations, product

import pytest

from twofactor.options import POLICY
from twofactor.policy import STRICTNESS, is_needed, strictest


def test_the_strictest_policy_wins_whatever_the_order() -> None:
    for combination in product(["", *STRICTNESS], repeat=3):
        named = [one for one in combination if one]
        expected = max(named, key=STRICTNESS.index) if named else "off"
        assert {strictest(order) for order in permutations(combination)} == {expected}


def test_without_any_policy_nothing_is_asked_for() -> None:
    assert strictest([]) == "off"
    assert strictest(["", ""]) == "off"


def test_a_misspelt_policy_is_a_fault_and_not_the_laxest() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        strictest(["off", "requird"])


def test_every_choice_of_the_setting_has_its_place_in_the_order() -> None:
    assert POLICY.choices == STRICTNESS


@pytest.mark.parametrize(
    ("policy", "turned_on", "needed"),
    [
        ("off", False, False),
        ("off", True, False),
        ("optional", False, False),
        ("optional", True, True),
        ("required", False, True),
        ("required", True, True),
    ],
)
def test_who_is_asked(policy: str, turned_on: bool, needed: bool) -> None:
    assert is_needed(policy, turned_on=turned_on) is needed

"""Which policy holds, and whether it asks."""

from itertools import combinations, permutations, product

import pytest

from twofactor.options import POLICY
from twofactor.policy import STRICTNESS, allowed, is_needed, offered, strictest


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


KINDS = ("email", "sms", "totp", "passkey", "webservice", "radius", "recovery")


def _subsets(kinds: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [one for size in range(len(kinds) + 1) for one in combinations(kinds, size)]


@pytest.mark.parametrize("generation", ["internal", "external", "both"])
def test_no_way_is_offered_that_is_not_there_or_not_permitted(generation: str) -> None:
    permitted = allowed(generation)
    for on, verified, provided in product(
        _subsets(KINDS), _subsets(("email", "sms")), _subsets(("webservice", "radius"))
    ):
        ways = offered(turned_on=on, verified=verified, provided=provided, permitted=permitted)
        assert len(set(ways)) == len(ways)
        assert set(ways) <= permitted
        assert set(ways) <= {*on, *verified, *provided}
        assert {"email", "sms"} & set(ways) <= set(
            verified
        )  # turned on and no longer verified: it proves nothing
        assert {"webservice", "radius"} & set(ways) <= set(provided)
        if {"totp", "passkey"} & set(on) & permitted:
            assert {"email", "sms"} & set(ways) <= set(on)  # nothing weaker than what was chosen
        if "recovery" in ways:
            assert ways[-1] == "recovery"


def test_what_was_preferred_or_used_last_stands_first() -> None:
    given = {"turned_on": KINDS, "verified": ("email", "sms"), "provided": (), "permitted": allowed("both")}
    assert offered(**given)[0] == "passkey"
    assert offered(**given, first=("sms", "totp"))[:2] == ("sms", "totp")
    assert offered(**given, first=("", "email"))[0] == "email"
    assert offered(**given, first=("recovery", ""))[-1] == "recovery"
    assert offered(**given, first=("radius", "email"))[0] == "email"  # which is not there


def test_passkeys_and_recovery_codes_are_always_permitted() -> None:
    for generation in ("internal", "external", "both"):
        assert {"passkey", "recovery"} <= allowed(generation)
    assert allowed("internal").isdisjoint({"totp", "webservice", "radius"})
    assert allowed("external").isdisjoint({"email", "sms"})

"""Rights as values: what covers what, what several give together, and what nobody can give on."""

from collections.abc import Mapping
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outcomes import Denied
from tenants.models import Kind, Privilege
from tenants.rights import (
    EVERYWHERE,
    NEEDS,
    NOTHING,
    NOWHERE,
    PRIVILEGES,
    Companies,
    Rights,
    covers,
    exceeds,
    joined,
    sum_of,
)

ACME, GLOBEX = frozenset({1}), frozenset({2})
BOTH = ACME | GLOBEX
PLACES: list[Companies] = [NOWHERE, ACME, GLOBEX, BOTH, EVERYWHERE]

companies = st.one_of(st.just(EVERYWHERE), st.frozensets(st.integers(1, 4), max_size=4))
rights = st.builds(
    Rights,
    rank=st.integers(0, 100),
    privileges=st.frozensets(
        st.tuples(st.sampled_from(["Gatehouse", "Other"]), st.sampled_from(["a", "b", "c"]))
    ),
    reach=st.dictionaries(st.sampled_from(Kind.values), companies, max_size=4),
)


def code(refusal: Denied | None) -> str:
    return refusal.code if refusal is not None else ""


# --- companies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outer", "inner", "covered"),
    [
        (EVERYWHERE, EVERYWHERE, True),
        (EVERYWHERE, BOTH, True),
        (EVERYWHERE, NOWHERE, True),
        (BOTH, EVERYWHERE, False),
        (NOWHERE, EVERYWHERE, False),
        (BOTH, ACME, True),
        (ACME, BOTH, False),
        (ACME, GLOBEX, False),
        (ACME, ACME, True),
        (NOWHERE, NOWHERE, True),
        (NOWHERE, ACME, False),
        (ACME, NOWHERE, True),
    ],
)
def test_which_companies_cover_which(outer: Companies, inner: Companies, covered: bool) -> None:
    assert covers(outer, inner) is covered


@given(companies, companies, companies)
def test_covering_and_joining_fit_together(a: Companies, b: Companies, c: Companies) -> None:
    both = joined(a, b)
    assert covers(both, a)
    assert covers(both, b)
    assert joined(a, b) == joined(b, a)
    assert joined(a, joined(b, c)) == joined(joined(a, b), c)
    assert joined(a, a) == a
    assert covers(a, b) is (joined(a, b) == a)


# --- the sum -----------------------------------------------------------------------------------------------------------


def test_nothing_together_is_nothing() -> None:
    assert sum_of([]) == NOTHING
    assert sum_of([NOTHING, NOTHING]) == NOTHING


def test_several_roles_give_the_highest_rank_and_everything_else_of_each() -> None:
    parts = [
        Rights(rank=20, privileges=frozenset({("Gatehouse", "a")}), reach={"user": ACME}),
        Rights(rank=60, privileges=frozenset({("Other", "a")}), reach={"user": GLOBEX, "audit": EVERYWHERE}),
        Rights(
            rank=10, privileges=frozenset({("Gatehouse", "a"), ("Gatehouse", "b")}), reach={"audit": ACME}
        ),
    ]
    expected = Rights(
        rank=60,
        privileges=frozenset({("Gatehouse", "a"), ("Gatehouse", "b"), ("Other", "a")}),
        reach={"user": BOTH, "audit": EVERYWHERE},
    )
    assert all(sum_of(order) == expected for order in permutations(parts))


@given(st.lists(rights, max_size=4))
def test_no_part_exceeds_the_sum_and_the_sum_gives_no_more_than_its_parts(parts: list[Rights]) -> None:
    together = sum_of(parts)
    assert all(exceeds(together, part) is None for part in parts)
    assert together.rank in {0, *(part.rank for part in parts)}
    assert together.privileges == frozenset().union(*(part.privileges for part in parts))
    assert set(together.reach) == {kind for part in parts for kind in part.reach}


# --- giving on ---------------------------------------------------------------------------------------------------------


@given(rights)
def test_everybody_can_give_what_he_has_and_nothing_at_all(actor: Rights) -> None:
    assert exceeds(actor, actor) is None
    assert exceeds(actor, NOTHING) is None


@given(rights, rights, rights)
def test_what_can_be_given_on_can_be_given_on_by_whoever_could_give_it(
    a: Rights, b: Rights, c: Rights
) -> None:
    if exceeds(a, b) is None and exceeds(b, c) is None:
        assert exceeds(a, c) is None


@given(rights, rights)
def test_two_gifts_are_judged_like_both_together(actor: Rights, given_one: Rights) -> None:
    more = Rights(rank=100, privileges=frozenset({("Other", "z")}), reach={"*": EVERYWHERE})
    if exceeds(actor, given_one) is not None:
        assert exceeds(actor, sum_of([given_one, NOTHING])) is not None
        assert exceeds(actor, sum_of([given_one, more])) is not None


@pytest.mark.parametrize("rank", range(0, 101, 20))
@pytest.mark.parametrize("given_rank", range(0, 101, 20))
def test_nobody_gives_a_rank_above_his_own(rank: int, given_rank: int) -> None:
    refused = "rank_too_high" if given_rank > rank else ""
    assert code(exceeds(Rights(rank=rank), Rights(rank=given_rank))) == refused


def test_nobody_gives_a_privilege_that_he_does_not_have_and_the_refusal_names_it() -> None:
    actor = Rights(privileges=frozenset({("Gatehouse", "a")}))
    refused = exceeds(
        actor, Rights(privileges=frozenset({("Gatehouse", "a"), ("Other", "a"), ("Gatehouse", "b")}))
    )
    assert refused is not None
    assert (refused.code, "Gatehouse: b" in str(refused.message)) == ("privilege_not_held", True)


@pytest.mark.parametrize(("has", "gives"), [*product(PLACES, PLACES)])
def test_nobody_lets_others_see_what_he_does_not_see(has: Companies, gives: Companies) -> None:
    refused = "" if covers(has, gives) else "reach_not_held"
    assert code(exceeds(Rights(reach={"user": has}), Rights(reach={"user": gives}))) == refused


def test_whoever_sees_everything_somewhere_can_give_each_kind_there_but_not_the_other_way_round() -> None:
    everything = Rights(reach={"*": ACME})
    each = Rights(reach={kind: ACME for kind in Kind.values if kind != "*"})
    assert exceeds(everything, each) is None
    assert code(exceeds(each, everything)) == "reach_not_held"


def test_a_kind_counts_together_with_everything() -> None:
    actor = Rights(reach={"*": ACME, "user": GLOBEX})
    assert actor.sees("user") == BOTH
    assert actor.sees("audit") == ACME
    assert exceeds(actor, Rights(reach={"user": BOTH})) is None
    assert code(exceeds(actor, Rights(reach={"audit": BOTH}))) == "reach_not_held"


# --- what may be done --------------------------------------------------------------------------------------------------

VERBS = ("view", "add", "change", "delete")


def holding(*names: str) -> Rights:
    return Rights(privileges=frozenset(("Gatehouse", name) for name in names))


@pytest.mark.parametrize(("kind", "verb"), [*product([*NEEDS, "", "*", "nothing"], [*VERBS, "", "View"])])
def test_a_verb_is_allowed_by_its_privilege_and_by_no_other(kind: str, verb: str) -> None:
    needed = NEEDS.get(kind, {}).get(verb)
    everything_else = [name for name in PRIVILEGES if name != needed]
    assert not NOTHING.may(verb, kind)
    assert not holding(*everything_else).may(verb, kind)
    assert holding(*PRIVILEGES).may(verb, kind) is (needed is not None)


def test_the_same_name_in_another_application_is_another_privilege() -> None:
    stranger = Rights(privileges=frozenset(("Other", name) for name in PRIVILEGES))
    assert not any(stranger.may(verb, kind) for kind, verbs in NEEDS.items() for verb in verbs)
    assert not stranger.may_open_admin
    assert stranger.has("Users - View", application="Other")


def test_the_audit_trail_is_looked_at_and_nothing_else() -> None:
    assert set(NEEDS["audit"]) == {"view"}


def test_only_privileges_that_exist_are_needed() -> None:
    needed = {name for verbs in NEEDS.values() for name in verbs.values()}
    assert needed <= set(PRIVILEGES)


@pytest.mark.django_db
def test_the_privileges_of_the_code_are_those_of_the_database() -> None:
    stored: Mapping[str, str] = dict(
        Privilege.objects.filter(application="Gatehouse").values_list("name", "description")
    )
    assert stored == {name: str(sentence) for name, sentence in PRIVILEGES.items()}

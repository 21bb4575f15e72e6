"""To which groups of the mapping a person belongs, at a real directory."""

from collections.abc import Iterator
from typing import Any

import pytest

from configserver.engines.base import Verified
from configserver.engines.ldap import LdapEngine
from tests.configserver.ldap_stage import direct, engine_of
from tests.services.ldap import (
    AGENTS,
    GROUPS,
    MANAGERS,
    RING_ONE,
    RING_TWO,
    SUPERVISORS,
    Ldap,
    cast,
    group,
    ldap_machine,
    password_of,
)


@pytest.fixture(scope="module")
def directory() -> Iterator[Ldap]:
    with ldap_machine() as server:
        yield server


@pytest.fixture(params=["search", "direct"])
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings for each of the two ways to the DN of a person."""
    return direct() if request.param == "direct" else {}


@pytest.fixture
def known() -> tuple[str, ...]:
    """The groups that a mapping knows."""
    return (AGENTS, SUPERVISORS, MANAGERS, RING_ONE, RING_TWO, f"cn=others,{GROUPS}")


def groups_of(engine: LdapEngine, uid: str) -> frozenset[str]:
    outcome = engine.verify(uid, password_of(uid))
    assert isinstance(outcome, Verified)
    return outcome.groups


def test_a_person_belongs_to_the_groups_that_name_him(
    directory: Ldap, way: dict[str, Any], known: tuple[str, ...]
) -> None:
    engine = engine_of(directory, **way, groups=known)
    assert groups_of(engine, "dora") == {AGENTS}
    assert groups_of(engine, "egon") == {AGENTS, RING_ONE}
    assert groups_of(engine, "fixed") == frozenset()


def test_nested_groups_count_and_a_ring_of_groups_ends(
    directory: Ldap, way: dict[str, Any], known: tuple[str, ...]
) -> None:
    engine = engine_of(directory, **way, groups=known, nested=True)
    assert groups_of(engine, "dora") == {AGENTS, SUPERVISORS, MANAGERS}
    directory.forget()
    assert groups_of(engine, "egon") == {AGENTS, SUPERVISORS, MANAGERS, RING_ONE, RING_TWO}
    # The person, and one step upwards each; the ring is gone round once.
    assert len([line for line in directory.log if " SRCH base=" in line]) <= 5


def test_groups_that_the_mapping_does_not_know_are_not_told(directory: Ldap) -> None:
    engine = engine_of(directory, groups=(MANAGERS,), nested=True)
    assert groups_of(engine, "egon") == {MANAGERS}


def test_a_group_is_known_in_whatever_spelling_it_is_written(directory: Ldap) -> None:
    spelled = r"CN=ring\20one , OU=Groups,dc=EXAMPLE,  dc=org"
    assert groups_of(engine_of(directory, groups=(spelled,)), "egon") == {spelled}


def test_no_group_is_searched_for_where_the_mapping_knows_none(directory: Ldap) -> None:
    directory.forget()
    groups_of(engine_of(directory), "dora")
    assert len([line for line in directory.log if " SRCH base=" in line]) == 1


def test_a_deep_pile_of_groups_is_searched_in_bounds() -> None:
    def pile() -> Iterator[str]:
        yield from cast()
        above = AGENTS
        for index in range(40):
            yield group(name := f"cn=level{index},{GROUPS}", above)
            above = name

    with ldap_machine(entries=pile()) as directory:
        top = f"cn=level39,{GROUPS}"
        low = f"cn=level5,{GROUPS}"
        directory.forget()
        assert groups_of(engine_of(directory, groups=(top, low), nested=True), "dora") == {low}
        assert len([line for line in directory.log if " SRCH base=" in line]) <= 12


def test_members_may_be_named_by_their_login(directory: Ldap) -> None:
    engine = engine_of(directory, groups=(AGENTS, MANAGERS), group_filter="(description={login})")
    assert groups_of(engine, "dora") == {AGENTS}
    assert groups_of(engine, "egon") == frozenset()

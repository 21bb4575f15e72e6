"""What a package changes, how it is taken back, and how roles are kept for that."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configserver.spd import (
    Difference,
    Fault,
    Malformed,
    PermissionSpec,
    PrivilegeSpec,
    RoleSpec,
    difference,
    from_json,
    to_json,
)

VIEW = PrivilegeSpec(application="Gatehouse", name="Users - View")
MANAGE = PrivilegeSpec(application="Gatehouse", name="Users - Manage")
OWN = PermissionSpec(kind="user", reach="own")
ACME = PermissionSpec(kind="user", reach="one", tenant=101)
AGENT = RoleSpec(name="Agent", rank=20, privileges=(VIEW,), permissions=(OWN,))
ANALYST = RoleSpec(name="Analyst", rank=30)
BY_HAND = RoleSpec(name="Night shift", privileges=(VIEW,))

names = st.sampled_from(["Agent", "Analyst", "Designer", "Night shift", "Träger"])
texts = st.text(max_size=12)
privileges = st.builds(PrivilegeSpec, application=texts, name=texts)
permissions = st.one_of(
    st.builds(PermissionSpec, kind=st.sampled_from(["user", "*"]), reach=st.sampled_from(["own", "every"])),
    st.builds(
        PermissionSpec,
        kind=st.sampled_from(["user", "audit"]),
        reach=st.just("one"),
        tenant=st.integers(1, 2**31 - 1),
    ),
)
roles = st.lists(
    st.builds(
        RoleSpec,
        name=names,
        rank=st.integers(0, 100),
        description=texts,
        privileges=st.lists(privileges, max_size=4, unique=True).map(tuple),
        permissions=st.lists(permissions, max_size=3, unique=True).map(tuple),
    ),
    max_size=5,
    unique_by=lambda role: role.name,
).map(tuple)


def applied(now: Iterable[RoleSpec], change: Difference) -> dict[str, RoleSpec]:
    """The roles that there are once a difference is carried out."""
    made = {role.name: role for role in now}
    for role in change.removed:
        del made[role.name]
    made |= {one.name: one.after for one in change.changed}
    made |= {role.name: role for role in change.added}
    return made


def same(these: dict[str, RoleSpec], those: Iterable[RoleSpec]) -> bool:
    """Whether both are the same roles, in any order."""
    return difference(tuple(these.values()), tuple(those), belonging=these.keys()).is_empty


def test_a_first_package_adds_its_roles_and_leaves_those_made_by_hand() -> None:
    found = difference([BY_HAND], [AGENT, ANALYST], belonging=())
    assert found == Difference(added=(AGENT, ANALYST))
    assert not found.is_empty
    assert (found.privileges_added, found.privileges_removed) == (1, 0)


def test_what_a_later_version_drops_is_removed() -> None:
    found = difference([AGENT, ANALYST, BY_HAND], [ANALYST], belonging={"Agent", "Analyst"})
    assert found == Difference(removed=(AGENT,))
    assert (found.privileges_added, found.privileges_removed) == (0, 1)


def test_a_role_that_the_package_brought_and_somebody_removed_by_hand_comes_again() -> None:
    assert difference([], [AGENT], belonging={"Agent"}) == Difference(added=(AGENT,))
    assert difference([], [], belonging={"Agent"}).is_empty


def test_a_changed_role_tells_what_of_it_changes() -> None:
    after = RoleSpec(
        name="Agent", rank=30, description="Talks.", privileges=(MANAGE,), permissions=(ACME, OWN)
    )
    found = difference([AGENT], [after], belonging={"Agent"})
    (change,) = found.changed
    assert (change.name, change.before.rank, change.after.rank) == ("Agent", 20, 30)
    assert (change.privileges_added, change.privileges_removed) == ((MANAGE,), (VIEW,))
    assert (change.permissions_added, change.permissions_removed) == ((ACME,), ())
    assert change.is_other_rank
    assert change.is_other_description
    assert (found.privileges_added, found.privileges_removed) == (1, 1)
    assert (found.added, found.removed, found.taken_over) == ((), (), ())


@pytest.mark.parametrize(
    "after",
    [
        RoleSpec(name="Agent", rank=21, privileges=(VIEW,), permissions=(OWN,)),
        RoleSpec(name="Agent", rank=20, privileges=(VIEW,), permissions=(OWN,), description="x"),
        RoleSpec(name="Agent", rank=20, privileges=(VIEW, MANAGE), permissions=(OWN,)),
        RoleSpec(name="Agent", rank=20, privileges=(), permissions=(OWN,)),
        RoleSpec(name="Agent", rank=20, privileges=(VIEW,), permissions=(OWN, ACME)),
        RoleSpec(name="Agent", rank=20, privileges=(VIEW,), permissions=()),
    ],
)
def test_each_single_change_is_one(after: RoleSpec) -> None:
    assert [one.after for one in difference([AGENT], [after], belonging=()).changed] == [after]


def test_the_order_of_privileges_and_permissions_says_nothing() -> None:
    one = RoleSpec(name="Agent", privileges=(VIEW, MANAGE), permissions=(OWN, ACME))
    other = RoleSpec(name="Agent", privileges=(MANAGE, VIEW), permissions=(ACME, OWN))
    assert difference([one], [other], belonging={"Agent"}).is_empty


def test_a_role_made_by_hand_under_the_name_of_one_in_the_package_is_updated_and_named_as_taken_over() -> (
    None
):
    by_hand = RoleSpec(name="Agent", rank=50)
    found = difference([by_hand], [AGENT], belonging=())
    assert [change.before for change in found.changed] == [by_hand]
    assert found.taken_over == ("Agent",)


def test_one_that_is_the_same_already_is_taken_over_without_a_change() -> None:
    found = difference([AGENT], [AGENT], belonging=())
    assert found.is_empty
    assert found.taken_over == ("Agent",)


def test_names_in_another_case_are_other_roles() -> None:
    agent = RoleSpec(name="agent")
    assert difference([AGENT], [agent], belonging={"Agent"}) == Difference(added=(agent,), removed=(AGENT,))


@given(roles, st.sets(names))
def test_the_same_roles_differ_in_nothing(these: tuple[RoleSpec, ...], belonging: set[str]) -> None:
    found = difference(these, these, belonging=belonging)
    assert found.is_empty
    assert (found.privileges_added, found.privileges_removed) == (0, 0)


@given(roles, roles, st.sets(names))
def test_applied_a_package_has_its_roles_and_nobody_elses_are_touched(
    before: tuple[RoleSpec, ...], after: tuple[RoleSpec, ...], belonging: set[str]
) -> None:
    made = applied(before, difference(before, after, belonging=belonging))
    of_package = {role.name for role in after}
    others = [role for role in before if role.name not in of_package | belonging]
    assert same(made, [*after, *others])


@given(roles, roles, st.sets(names))
def test_taken_back_everything_is_as_it_was_before(
    before: tuple[RoleSpec, ...], after: tuple[RoleSpec, ...], belonging: set[str]
) -> None:
    of_package = belonging | {role.name for role in after}
    kept = tuple(role for role in before if role.name in of_package)
    now = tuple(applied(before, difference(before, after, belonging=belonging)).values())
    back = applied(now, difference(now, kept, belonging={role.name for role in after}))
    assert same(back, before)


def test_taking_back_leaves_what_was_changed_by_hand_elsewhere_meanwhile() -> None:
    changed_since = RoleSpec(name="Night shift", rank=40)
    back = difference([ANALYST, changed_since], [AGENT], belonging={"Analyst"})
    assert back == Difference(added=(AGENT,), removed=(ANALYST,))


@given(roles)
def test_roles_kept_as_text_are_the_same_when_read(these: tuple[RoleSpec, ...]) -> None:
    assert from_json(to_json(these)) == these


def test_the_text_of_a_role_stays_what_it_is() -> None:
    # What is kept today is read by every later release.
    assert to_json([RoleSpec(name="Träger", privileges=(VIEW,), permissions=(OWN, ACME))]) == (
        '{"version":1,"roles":[{"name":"Tr\\u00e4ger","rank":10,"description":"",'
        '"privileges":[{"application":"Gatehouse","name":"Users - View"}],'
        '"permissions":[{"kind":"user","reach":"own","tenant":null},{"kind":"user","reach":"one","tenant":101}]}]}'
    )


def kept(**changes: object) -> str:
    role = {
        "name": "Agent",
        "rank": 10,
        "description": "",
        "privileges": [{"application": "G", "name": "p"}],
        "permissions": [{"kind": "user", "reach": "own", "tenant": None}],
    }
    return json.dumps({"version": 1, "roles": [role | changes]})


def permitted(**changes: object) -> str:
    return kept(permissions=[{"kind": "user", "reach": "own", "tenant": None} | changes])


def test_the_text_that_the_refusals_below_are_made_of_is_read() -> None:
    assert not isinstance(from_json(kept()), Malformed)
    assert not isinstance(from_json(permitted()), Malformed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        '{"version":1}',
        '{"roles":[]}',
        '{"version":"1","roles":[]}',
        '{"version":true,"roles":[]}',
        '{"version":1,"roles":{}}',
        '{"version":1,"roles":[],"more":0}',
        '{"version":1,"roles":[],"roles":[]}',
        '{"version":1,"roles":[null]}',
        kept(name=""),
        kept(name=5),
        kept(rank=101),
        kept(rank=-1),
        kept(rank=True),
        kept(rank=10.0),
        kept(rank="10"),
        kept(description=None),
        kept(more=1),
        kept(privileges={}),
        kept(privileges=[["G", "p"]]),
        kept(privileges=[{"application": "G"}]),
        kept(privileges=[{"application": "G", "name": "p"}] * 2),
        permitted(kind="Every thing"),
        permitted(kind=None),
        permitted(reach="all"),
        permitted(tenant=101),
        permitted(tenant=0),
        permitted(reach="one"),
        permitted(reach="one", tenant=0),
        permitted(reach="one", tenant=2**31),
        permitted(reach="one", tenant="101"),
        permitted(reach="one", tenant=True),
        kept(permissions=[{"kind": "user", "reach": "own", "tenant": None}] * 2),
        json.dumps({"version": 1, "roles": json.loads(kept())["roles"] * 2}),
    ],
)
def test_a_text_that_is_not_what_was_kept_is_refused(text: str) -> None:
    assert from_json(text) == Malformed(code=Fault.SNAPSHOT)


@pytest.mark.parametrize("version", [0, 2, 10**30])
def test_roles_kept_by_another_release_are_refused_as_such(version: int) -> None:
    found = from_json(json.dumps({"version": version, "anything": []}))
    assert found == Malformed(code=Fault.SNAPSHOT_VERSION, detail=str(version)[:20])

"""What the claim `policy` opens: the documented examples (design/sources 4.5) as a table, and everything that is no policy."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.tokens.policy import Policy, parse


def read(claim: object, *, with_role: bool = False) -> Policy:
    found = parse(claim, with_role=with_role)
    assert found is not None, claim
    return found


ONE_USER: dict[str, Any] = {"version": 3, "devices": {"custom_data": {"user_id": "u1"}}}
BOTH: dict[str, Any] = {
    "version": 3,
    "sessions": {"custom_data": {"a": "1", "b": "2"}},
    "devices": {"custom_data": {"a": "1", "b": "2"}},
}
SESSIONS_2: dict[str, Any] = {"version": 2, "sessions": {}}
ONE_SESSION: dict[str, Any] = {"version": 2, "sessions": {"id": "12345"}}
CUSTOM_ROLE: dict[str, Any] = {"version": 3, "sessions": {}, "push": {}, "devices": {}}
READ_FEATURES: dict[str, Any] = {"version": 3, "features": {"permissions": ["read"]}}
FIRST: dict[str, Any] = {"devices": {"user_id": "abcde123"}}


@pytest.mark.parametrize(
    ("claim", "with_role", "resource", "action", "id", "properties", "allowed"),
    [
        # Devices of one user only.
        (ONE_USER, False, "devices", "read", "", {"user_id": "u1"}, True),
        (ONE_USER, False, "devices", "read", "", {"user_id": "u2"}, False),
        (ONE_USER, False, "devices", "read", "", {}, False),
        (ONE_USER, False, "sessions", "read", "", {"user_id": "u1"}, False),  # not named: not reachable
        # Several properties: all of them.
        (BOTH, False, "sessions", "read", "", {"a": "1", "b": "2", "c": "3"}, True),
        (BOTH, False, "sessions", "read", "", {"a": "1"}, False),
        (BOTH, False, "devices", "read", "", {"a": "1", "b": "3"}, False),
        # Sessions only; one session.
        (SESSIONS_2, False, "sessions", "create", "7", {}, True),
        (SESSIONS_2, False, "devices", "read", "7", {}, False),
        (ONE_SESSION, False, "sessions", "read", "12345", {}, True),
        (ONE_SESSION, False, "sessions", "read", "12346", {}, False),
        # Custom role: no role, and what is listed.
        (CUSTOM_ROLE, False, "push", "create", "", {}, True),
        (CUSTOM_ROLE, False, "devices", "read", "", {}, True),
        (CUSTOM_ROLE, False, "features", "read", "", {}, False),
        # A role, adjusted: everything of it, but the settings to be read only.
        (READ_FEATURES, True, "features", "read", "", {}, True),
        (READ_FEATURES, True, "features", "update", "", {}, False),
        (READ_FEATURES, True, "sessions", "create", "", {}, True),
        (READ_FEATURES, False, "sessions", "create", "", {}, False),
        # Version 1: what has to match stands under the resource itself.
        (FIRST, False, "devices", "read", "", {"user_id": "abcde123"}, True),
        (FIRST, False, "devices", "read", "", {"user_id": "other"}, False),
        (FIRST, False, "sessions", "read", "", {}, False),
        ({"version": 1} | FIRST, False, "devices", "read", "", {"user_id": "abcde123"}, True),
        # Empty: nothing, in any version, with a role or without.
        ({}, True, "sessions", "read", "", {}, False),
        ({"version": 1}, True, "sessions", "read", "", {}, False),
        ({"version": 2}, True, "sessions", "read", "", {}, False),
        ({"version": 3}, True, "sessions", "read", "", {}, False),
        ({"version": 2, "features": {}}, True, "sessions", "read", "", {}, False),  # only version 3 adjusts
        # The wildcard stands for what is not named, and for nothing else.
        ({"version": 3, "*": {}}, False, "push", "create", "", {}, True),
        ({"version": 3, "*": {}, "push": {"permissions": []}}, False, "push", "create", "", {}, False),
        # A value is the same only when its type is: "1", 1 and true are three.
        ({"version": 3, "devices": {"custom_data": {"n": 1}}}, False, "devices", "read", "", {"n": "1"}, False),
        ({"version": 3, "devices": {"custom_data": {"n": 1}}}, False, "devices", "read", "", {"n": True}, False),
        ({"version": 3, "devices": {"custom_data": {"n": 1}}}, False, "devices", "read", "", {"n": 1}, True),
        ({"version": 3, "devices": {"permissions": ["read"]}}, False, "devices", "read", "", {}, True),
        ({"version": 3, "devices": {"permissions": ["*"]}}, False, "devices", "read", "", {}, False),
    ],
)  # fmt: skip
def test_a_policy_opens_what_it_names_and_nothing_else(
    claim: dict[str, Any],
    with_role: bool,
    resource: str,
    action: str,
    id: str,
    properties: dict[str, Any],
    allowed: bool,
) -> None:
    found = read(claim, with_role=with_role)
    assert found.allows(resource, action, id=id, properties=properties) is allowed


@pytest.mark.parametrize(
    "claim",
    [
        None, [], "", "sessions", 3, True,
        {"version": 4, "sessions": {}}, {"version": 0}, {"version": -1}, {"version": "3", "sessions": {}},
        {"version": 3.0, "sessions": {}}, {"version": True, "sessions": {}}, {"version": None, "sessions": {}},
        {"version": [3]}, {"version": {}},
        {"version": 3, "sessions": []}, {"version": 3, "sessions": True}, {"version": 3, "sessions": None},
        {"version": 3, "sessions": "*"}, {"version": 3, "": {}}, {"version": 3, "s" * 501: {}},
        {"version": 3, "sessions": {"state": "active"}},  # a condition that is not understood
        {"version": 2, "sessions": {"permissions": ["read"]}},  # which version 2 does not know
        {"version": 3, "sessions": {"permissions": "read"}}, {"version": 3, "sessions": {"permissions": [1]}},
        {"version": 3, "sessions": {"permissions": None}}, {"version": 3, "sessions": {"permissions": [""]}},
        {"version": 3, "sessions": {"id": 12345}}, {"version": 3, "sessions": {"id": ""}}, {"version": 3, "sessions": {"id": None}},
        {"version": 3, "sessions": {"custom_data": []}}, {"version": 3, "sessions": {"custom_data": {"a": None}}},
        {"version": 3, "sessions": {"custom_data": {"a": {"b": "c"}}}}, {"version": 3, "sessions": {"custom_data": {"a": 1.5}}},
        {"version": 3, "sessions": {"custom_data": {"a": ""}}}, {"version": 3, "sessions": {"custom_data": {"": "a"}}},
        {"devices": {"custom_data": {"user_id": "u1"}}},  # the shape of version 2 without its number
        {"devices": None}, {"devices": {"user_id": None}},
        {"version": 3} | {f"r{n}": {} for n in range(51)},
        {"version": 3, "sessions": {"custom_data": {f"p{n}": "x" for n in range(51)}}},
        {"version": 3, "sessions": {"permissions": ["x"] * 51}},
    ],
)  # fmt: skip
def test_what_is_not_understood_is_no_policy_and_opens_nothing(claim: object) -> None:
    assert parse(claim, with_role=False) is None
    assert parse(claim, with_role=True) is None


def test_a_whole_resource_is_named_only_without_conditions() -> None:
    assert read({"version": 3, "users": {}}).names("users", "read")
    assert not read({"version": 3, "users": {"id": "1"}}).names("users", "read")
    assert not read({"version": 3, "users": {"permissions": ["read"]}}).names("users", "update")
    assert not read({"version": 3, "features": {}}, with_role=True).names("users", "read")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
_entries = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=3),
        "custom_data": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
        "permissions": st.lists(st.sampled_from(["read", "create", "update"]), max_size=3),
    },
)


@given(_json, st.booleans())
def test_whatever_comes_is_a_policy_or_none(claim: Any, with_role: bool) -> None:
    found = parse(json.loads(json.dumps(claim)), with_role=with_role)
    assert found is None or isinstance(claim, dict)


@given(st.dictionaries(st.sampled_from(["sessions", "devices", "*"]), _entries), st.sampled_from([2, 3]))
def test_without_a_role_nothing_is_open_that_is_not_named(entries: dict[str, Any], version: int) -> None:
    found = parse({"version": version, **entries}, with_role=False)
    if found is not None and "*" not in entries:
        assert not found.allows("push", "create", id="x", properties={})
        for resource in ("sessions", "devices"):
            if resource not in entries:
                assert not found.allows(resource, "read", id="x", properties={})

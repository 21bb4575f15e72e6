"""The filter language of SCIM: what is read, what is refused, and that nothing of it grows without bounds."""

from typing import Any

import pytest

from configserver.scim.errors import ScimError
from configserver.scim.filters import (
    Both,
    Compare,
    Element,
    Not,
    Path,
    Present,
    Target,
    read_filter,
    read_path,
)
from configserver.scim.matching import compares, holds
from configserver.scim.schemas import USER_SCHEMA

URN = "urn:ietf:params:scim:schemas:core:2.0:User"


def path(name: str, sub: str = "", schema: str = "") -> Path:
    return Path(schema=schema, name=name, sub=sub)


def eq(name: str, value: Any, sub: str = "") -> Compare:
    return Compare(path=path(name, sub), op="eq", value=value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('userName eq "bjensen"', eq("username", "bjensen")),
        ('USERNAME Eq "x"', eq("username", "x")),
        (f'{URN}:userName sw "J"', Compare(path=path("username", schema=URN.lower()), op="sw", value="J")),
        ("title pr", Present(path=path("title"))),
        ("active eq true", eq("active", True)),
        ("externalId eq null", eq("externalid", None)),
        ("dbid ge 12", Compare(path=path("dbid"), op="ge", value=12)),
        (r'displayName eq "a \"quoted\" \u00e4"', eq("displayname", 'a "quoted" ä')),
        ('a pr and b pr or c pr', Both(
            left=Both(left=Present(path=path("a")), right=Present(path=path("b"))), right=Present(path=path("c")), either=True
        )),
        ('a pr and (b pr or c pr)', Both(
            left=Present(path=path("a")), right=Both(left=Present(path=path("b")), right=Present(path=path("c")), either=True)
        )),
        ('not (active eq false)', Not(inner=eq("active", False))),
        ('emails[type eq "work" and value co "@x"]', Element(
            path=path("emails"), inner=Both(left=eq("type", "work"), right=Compare(path=path("value"), op="co", value="@x"))
        )),
        ('name.familyName eq "O\'Malley"', eq("name", "O'Malley", "familyname")),
    ],
)  # fmt: skip
def test_filters_of_the_rfc_are_read(text: str, tree: Any) -> None:
    assert read_filter(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "userName", "userName eq", 'userName "x"', "userName eq bjensen", 'userName eq "x', "userName is \"x\"",
        '(userName eq "x"', 'userName eq "x")', 'emails[type eq "work"', "and", 'a pr and', "not active pr", 'a eq "x" b eq "y"',
        'userName eq \'x\'', '"userName" eq "x"', "a.b.c pr", "a..b pr", '1a eq "x"', 'a eq "\\x"', 'a eq "x\ny"', "a eq tru",
        "a pr; drop table", "a eq 1.2.3", "[a pr]", "a[b pr][c pr]", "é pr", "urn:x: pr",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        read_filter(text)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidFilter")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 21 + "a pr" + ")" * 21,
        "(" * 900,
        "not (" * 300 + "a pr" + ")" * 300,
        " or ".join(["a pr"] * 101),
        'a eq "' + "x" * 2_000 + '"',
        "a[" * 500,
    ],
)
def test_filters_are_bounded_in_depth_terms_and_length(text: str) -> None:
    with pytest.raises(ScimError):
        read_filter(text)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("displayName", Target(path=path("displayname"))),
        ("name.givenName", Target(path=path("name", "givenname"))),
        ('members[value eq "1"]', Target(path=path("members"), chosen=eq("value", "1"))),
        ('emails[type eq "work"].value', Target(path=path("emails", "value"), chosen=eq("type", "work"))),
        (f"{URN}:active", Target(path=path("active", schema=URN.lower()))),
    ],
)
def test_paths_of_patch_are_read(text: str, target: Target) -> None:
    assert read_path(text) == target


@pytest.mark.parametrize(
    "text", ["", "a b", 'a eq "x"', "a.b.c", "a[b pr", "a[b pr].", "[b pr]", "a]", "a[b pr].c.d"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        read_path(text)
    assert refused.value.scim_type == "invalidPath"


@pytest.mark.parametrize(
    ("op", "value", "other", "expected"),
    [
        ("eq", "Work", "work", True), ("ne", "work", "home", True), ("co", "abc", "B", True), ("sw", "abc", "A", True),
        ("ew", "abc", "C", True), ("gt", "b", "a", True), ("ge", "a", "a", True), ("lt", "b", "a", False), ("le", "a", "b", True),
        ("eq", True, True, True), ("eq", True, 1, False), ("eq", None, "x", False), ("gt", True, False, False), ("eq", "1", 1, False),
    ],
)  # fmt: skip
def test_values_are_compared_within_their_type(op: str, value: Any, other: Any, expected: bool) -> None:
    assert compares(op, value, other, exact=False) is expected


def test_an_element_is_chosen_by_its_sub_attributes() -> None:
    subs = USER_SCHEMA.attributes["emails"].subs
    element = {"value": "a@acme.example", "type": "work", "primary": True}
    for text, expected in (
        ('type eq "work"', True),
        ('type eq "home" or primary eq true', True),
        ('not (value ew "acme.example")', False),
        ("display pr", None),
    ):
        if expected is None:
            with pytest.raises(ScimError):
                holds(read_filter(text), element, subs)
        else:
            assert holds(read_filter(text), element, subs) is expected

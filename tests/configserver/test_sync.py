"""What an import would change: pure, so every case is a line."""

from typing import Any

import pytest

from configserver.sync import Action, Change, Entry, Kept, Seen, changes_of, is_too_much


def entry(ref: str = "1", name: str = "anna", **more: str) -> Entry:
    values = {"display_name": "Anna", "email": "a@acme.example", "phone": ""} | more
    return Entry(ref=ref, name=name, name_key=name.lower(), **values)


def kept(one: Entry, **more: Any) -> dict[str, Kept]:
    values = {"name": one.name, "display_name": one.display_name, "email": one.email, "phone": one.phone}
    given = {"is_active": True} | more
    return {one.ref: Kept(values=values, **given)}


def compared(
    *entries: Entry, there: dict[str, Kept] | None = None, taken: dict[str, str] | None = None
) -> list[Change]:
    return list(changes_of(entries, there or {}, taken=taken or {}, seen=Seen()))


def test_whoever_is_not_there_is_made() -> None:
    (found,) = compared(entry())
    values = {"name": "anna", "display_name": "Anna", "email": "a@acme.example", "phone": ""}
    assert found == Change(action=Action.CREATE, ref="1", name="anna", values=values)


def test_only_what_differs_is_changed() -> None:
    assert compared(entry(), there=kept(entry())) == []
    (found,) = compared(entry(name="anja", phone="+4930"), there=kept(entry()))
    assert (found.action, found.values) == (Action.CHANGE, {"name": "anja", "phone": "+4930"})


@pytest.mark.parametrize(
    ("more", "values"),
    [
        ({"is_active": False, "gone": True}, {"is_active": True}),
        ({"is_active": False}, None),  # an administrator did that
        ({"gone": True}, None),
        ({"handed": True}, {}),
    ],
)
def test_whoever_comes_back_is_switched_on_if_an_import_switched_it_off(
    more: dict[str, bool], values: dict[str, bool] | None
) -> None:
    found = compared(entry(), there=kept(entry(), **more))
    assert [one.values for one in found] == ([] if values is None else [values])


@pytest.mark.parametrize(
    ("one", "taken", "why"),
    [
        (entry(ref=""), {}, "no_id"),
        (entry(name=""), {}, "no_name"),
        (entry(), {"anna": ""}, "name_taken"),
        (entry(), {"anna": "2"}, "name_taken"),
        (entry(), {"anna": "1"}, ""),
    ],
)
def test_what_cannot_be_told_apart_is_left_alone(one: Entry, taken: dict[str, str], why: str) -> None:
    (found,) = compared(one, taken=taken)
    assert (found.why, found.action is Action.CONFLICT) == (why, bool(why))


def test_of_two_entries_of_one_name_the_second_is_left_alone() -> None:
    found = compared(entry("1"), entry("2", name="ANNA"))
    assert [(one.action, one.why) for one in found] == [(Action.CREATE, ""), (Action.CONFLICT, "twice")]


def test_of_two_entries_of_one_id_the_second_is_left_alone() -> None:
    found = compared(entry("1", name="anna"), entry("1", name="anna.new"))
    assert [(one.action, one.why) for one in found] == [(Action.CREATE, ""), (Action.CONFLICT, "twice")]


@pytest.mark.parametrize(
    ("changed", "off", "kept", "active", "percent", "stops"),
    [
        (0, 0, 0, 0, 1, False),
        (1, 0, 0, 0, 1, True),
        (20, 0, 100, 100, 20, False),
        (21, 0, 100, 100, 20, True),
        (0, 20, 100, 100, 20, False),
        (0, 9, 100, 9, 20, True),  # all that were left
        (0, 100, 100, 100, 100, False),
    ],
)
def test_the_stop_rule(changed: int, off: int, kept: int, active: int, percent: int, stops: bool) -> None:
    assert is_too_much(changed=changed, off=off, kept=kept, active=active, percent=percent) is stops

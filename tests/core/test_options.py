"""Options: what they accept, how they are pinned, which layer wins."""
# ruff: noqa: RUF001  (look-alikes are what is tested)

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from core import options
from core.options import Option, Snapshot, declare, declared, pins, resolve
from core.outcomes import Denied

ON = Option(name="Door.Open", default=False, help="Whether the door is open.")
COUNT = Option(name="Door.Knocks", default=3, minimum=0, maximum=10, help="How often to knock.")
COLOUR = Option(
    name="Door.Colour", default="red", choices=("red", "green"), help="Its colour.", company=False
)
LABEL = Option(name="door-rules.name-plate", default="", pattern=r"[a-z]+", help="What stands on it.")
ANYTHING = (ON, COUNT, COLOUR, LABEL)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the options of this file."""
    monkeypatch.setattr(options, "_registry", {one.name: one for one in ANYTHING})


@pytest.mark.parametrize("given", [True, "true", "TRUE", "on", "On", "1"])
def test_on_may_be_written_in_the_usual_ways(given: object) -> None:
    assert ON.parse(given) is True


@pytest.mark.parametrize("given", [False, "false", "False", "off", "0"])
def test_off_may_be_written_in_the_usual_ways(given: object) -> None:
    assert ON.parse(given) is False


@pytest.mark.parametrize("given", ["", "yes", "2", " on", 1, 0, 1.0, None, [], {}, b"on"])
def test_anything_else_is_neither_on_nor_off(given: object) -> None:
    refused = ON.parse(given)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("invalid", "Door.Open")


@pytest.mark.parametrize(
    ("given", "value"), [(0, 0), (10, 10), ("0", 0), ("10", 10), (" 5 ", 5), ("-0", 0), ("007", 7)]
)
def test_a_whole_number_within_its_bounds_is_taken(given: object, value: int) -> None:
    parsed = COUNT.parse(given)
    assert parsed == value
    assert type(parsed) is int


@pytest.mark.parametrize(
    "given",
    [
        -1,
        11,
        "-1",
        "11",
        "",
        "5.0",
        5.0,
        "five",
        True,
        False,
        None,
        [5],
        "5 5",
        "٥",
        "1e1",
        "0x5",
        "9" * 5_000,
        10**100,
        float("nan"),
    ],
)
def test_a_number_out_of_bounds_or_of_another_kind_is_refused(given: object) -> None:
    assert isinstance(COUNT.parse(given), Denied)


def test_the_refusal_of_a_number_names_the_bounds() -> None:
    refused = COUNT.parse(11)
    assert isinstance(refused, Denied)
    assert "from 0 to 10" in str(refused.message)


@pytest.mark.parametrize("given", ["red", " green "])
def test_one_of_the_choices_is_taken(given: str) -> None:
    assert COLOUR.parse(given) == given.strip()


@pytest.mark.parametrize("given", ["", "Red", "blue", "red,green", 1, True, None, ["red"]])
def test_what_is_none_of_the_choices_is_refused(given: object) -> None:
    assert isinstance(COLOUR.parse(given), Denied)


@pytest.mark.parametrize("given", ["", "   ", "abc"])
def test_a_text_of_the_right_form_or_none_is_taken(given: str) -> None:
    assert LABEL.parse(given) == given.strip()


@pytest.mark.parametrize(
    "given",
    [
        "ABC",
        "a b",
        "abc\n",
        "a\r\nBcc: x",
        "a\x00",
        "a\x7f",
        "a\x85b",
        "a\u2028b",
        "\ud800",
        "a" * 501,
        7,
        None,
        b"abc",
    ],
)
def test_a_text_of_the_wrong_form_is_refused(given: object) -> None:
    assert isinstance(LABEL.parse(given), Denied)


@pytest.mark.parametrize(
    "given", ["a\rb", "a\nb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "a\ud800b"]
)
def test_no_text_holds_a_line_break_or_what_no_database_keeps(given: str) -> None:
    """A line break in a subject adds headers to a mail; half of a surrogate pair cannot be stored."""
    assert isinstance(replace(LABEL, pattern="").parse(given), Denied)


def test_a_text_of_any_script_is_taken() -> None:
    assert replace(LABEL, pattern="").parse("Votre code – 验证码 🔑") == "Votre code – 验证码 🔑"


@given(
    st.one_of(
        st.text(), st.integers(), st.booleans(), st.none(), st.floats(), st.binary(), st.lists(st.text())
    )
)
def test_every_value_is_taken_or_refused_and_what_is_taken_is_taken_again(given: object) -> None:
    for option in ANYTHING:
        parsed = option.parse(given)
        if not isinstance(parsed, Denied):
            assert type(parsed) is option.type
            assert option.parse(parsed) == parsed
            assert option.parse(str(parsed)) == parsed
            str(parsed).encode()


def test_an_option_is_declared_once(registry: None) -> None:
    with pytest.raises(ValueError, match="declared twice"):
        declare(ON)


def test_a_default_that_breaks_its_own_bounds_cannot_be_declared(registry: None) -> None:
    with pytest.raises(ValueError, match="breaks its own bounds"):
        declare(Option(name="Door.Height", default=11, minimum=0, maximum=10, help="How high it is."))
    assert "Door.Height" not in declared()


@pytest.mark.parametrize("bounds", [{}, {"minimum": 0}, {"maximum": 10}])
def test_a_number_without_bounds_cannot_be_declared(registry: None, bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="needs a minimum and a maximum"):
        declare(Option(name="Door.Height", default=2, help="How high it is.", **bounds))


def test_no_two_declared_options_share_a_variable() -> None:
    variables = [option.environment_name for option in declared().values()]
    assert len(variables) == len(set(variables))


def test_the_options_come_in_alphabetical_order_and_cannot_be_changed(registry: None) -> None:
    assert list(declared()) == sorted(declared())
    with pytest.raises(TypeError):
        declared()["Door.Open"] = COUNT  # type: ignore[index]


@pytest.mark.parametrize(
    ("option", "variable"),
    [(ON, "OPTION_DOOR__OPEN"), (LABEL, "OPTION_DOOR_RULES__NAME_PLATE")],
)
def test_the_variable_that_pins_an_option(option: Option, variable: str) -> None:
    assert option.environment_name == variable


def test_the_environment_pins_typed_values(registry: None) -> None:
    pinned = pins(
        {"OPTION_DOOR__OPEN": "on", "OPTION_DOOR__KNOCKS": "5", "PATH": "/bin", "DOOR__OPEN": "off"}
    )
    assert pinned == {"Door.Open": True, "Door.Knocks": 5}


@pytest.mark.parametrize(
    ("variable", "text", "reason"),
    [
        ("OPTION_DOOR__OPENED", "on", "OPTION_DOOR__OPENED pins a setting that does not exist"),
        ("OPTION_", "on", "does not exist"),
        ("OPTION_DOOR__KNOCKS", "11", "OPTION_DOOR__KNOCKS: Enter a whole number from 0 to 10"),
        ("OPTION_DOOR__OPEN", "", "OPTION_DOOR__OPEN: Choose on or off"),
        ("OPTION_DOOR__COLOUR", "blue", "OPTION_DOOR__COLOUR: Choose one of: red, green"),
    ],
)
def test_a_pin_that_does_not_fit_is_an_error_that_names_it(
    registry: None, variable: str, text: str, reason: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason):
        pins({variable: text})


@pytest.mark.parametrize(
    ("revised", "company", "pinned", "value"),
    [
        ({}, None, {}, 3),
        ({}, {}, {}, 3),
        ({"Door.Knocks": 4}, None, {}, 4),
        ({"Door.Knocks": 4}, {}, {}, 4),
        ({"Door.Knocks": 4}, {"Door.Knocks": 5}, {}, 5),
        ({}, {"Door.Knocks": 5}, {}, 5),
        ({"Door.Knocks": 4}, {"Door.Knocks": 5}, {"Door.Knocks": 6}, 6),
        ({}, {"Door.Knocks": 0}, {}, 0),
    ],
)
def test_pin_over_company_over_global_over_default(
    registry: None,
    revised: dict[str, int],
    company: dict[str, int] | None,
    pinned: dict[str, int],
    value: int,
) -> None:
    assert resolve(revised=revised, company=company, pinned=pinned).number(COUNT) == value


def test_a_company_has_no_value_of_its_own_where_all_share_one(registry: None) -> None:
    found = resolve(revised={"Door.Colour": "green"}, company={"Door.Colour": "red"}, pinned={})
    assert found.text(COLOUR) == "green"


def test_a_stored_value_that_no_longer_fits_gives_way_to_the_one_above_it(registry: None) -> None:
    found = resolve(revised={"Door.Knocks": 5}, company={"Door.Knocks": 99}, pinned={})
    assert found.number(COUNT) == 5
    assert resolve(revised={"Door.Knocks": "soon", "Gone.Option": 1}, pinned={}).number(COUNT) == 3


def test_a_snapshot_holds_every_option_and_never_changes(registry: None) -> None:
    revised: dict[str, options.Value] = {"Door.Knocks": 5}
    found = resolve(revised=revised, pinned={"Door.Open": True})
    revised["Door.Knocks"] = 9
    assert dict(found) == {
        "Door.Colour": "red",
        "Door.Knocks": 5,
        "Door.Open": True,
        "door-rules.name-plate": "",
    }
    assert len(found) == 4
    assert found.pinned == {"Door.Open"}
    assert (found.on(ON), found.number(COUNT), found.text(COLOUR)) == (True, 5, "red")
    assert not hasattr(Snapshot, "__setitem__")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("OPTION_TWOFACTOR__CODEDIGITS", "3", "Enter a whole number from 4 to 10"),
        ("OPTION_TWOFACTOR__CODEDIGIT", "8", "pins a setting that does not exist"),
    ],
)
def test_the_product_does_not_start_with_a_pin_that_does_not_fit(
    variable: str, value: str, reason: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"], variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert f"{variable}" in run.stderr
    assert reason in run.stderr

"""Lists of people to invite: what is read of what people paste and of what spreadsheets write."""

import pytest

from accounts.invite_rows import MOST_CHARACTERS, InviteRow, decoded, read_rows
from tests.accounts.story import code

DAN = InviteRow(number=1, email="dan@acme.example", role="Agent", name="Dan Doe")


@pytest.mark.parametrize(
    "text",
    [
        "dan@acme.example; Agent; Dan Doe",
        "dan@acme.example;Agent;Dan  Doe;;\r\n\r\n",
        "dan@acme.example\tAgent\tDan Doe\n",
        "dan@acme.example, Agent, Dan Doe",
        '"dan@acme.example","Agent","Dan Doe"',
        "E-Mail;Role;Name\ndan@acme.example;Agent;Dan Doe",
        "\ufeffName,email,Phone,ROLE\r\nDan Doe,dan@acme.example,+49,Agent\r\n",
        ";;\ndan@acme.example;Agent;Dan Doe",
    ],
)
def test_a_line_is_an_address_a_role_and_a_name(text: str) -> None:
    assert read_rows(text) == [DAN]


def test_an_address_alone_is_enough(db: None) -> None:
    rows = read_rows("dan@acme.example\neve@acme.example\n")
    assert rows == [
        InviteRow(number=1, email="dan@acme.example"),
        InviteRow(number=2, email="eve@acme.example"),
    ]


def test_nothing_is_an_empty_list() -> None:
    assert read_rows(" \n\n;;\n") == []
    assert read_rows("email;role;name\n") == []


def test_what_is_no_list_or_too_long_is_refused() -> None:
    assert code(read_rows("a\0b")) == "invalid"
    assert code(read_rows("x" * (MOST_CHARACTERS + 1))) == "invalid"
    assert code(read_rows("\n".join(f"p{number}@acme.example" for number in range(101)))) == "invalid"
    assert isinstance(read_rows("\n".join(f"p{number}@acme.example" for number in range(100))), list)
    assert code(decoded(b"x" * (5 * MOST_CHARACTERS))) == "invalid"
    assert isinstance(read_rows('"never closed; Agent'), list)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_are_read_as_spreadsheets_write_them(coding: str) -> None:
    text = decoded("müller@acme.example;Agent;Jürgen Müller".encode(coding))
    assert isinstance(text, str)
    [row] = read_rows(text)
    assert row.name == "Jürgen Müller"


def test_a_row_can_be_typed_again() -> None:
    assert DAN.text == "dan@acme.example; Agent; Dan Doe"
    assert InviteRow(number=1, email="dan").text == "dan"
    assert InviteRow(number=1, email="dan", name="A; B").text == 'dan; ; "A; B"'
    assert read_rows(InviteRow(number=1, email="dan", name="A; B").text) == [
        InviteRow(number=1, email="dan", name="A; B")
    ]

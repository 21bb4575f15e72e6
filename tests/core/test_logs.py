"""The log holds nothing that opens a door."""

import logging

import pytest

from core import entropy
from core.logs import Line, scrubbed

SECRET = "A" * 43


@pytest.mark.parametrize(
    "text",
    [
        f"Forbidden: /login/forgotten/b88bf784-8aae-4013-8a45-d5d49a432ec3.{SECRET}/",
        f"session=gh_session_{SECRET}; path=/",
        f"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.{SECRET}",
        f"Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.{SECRET}.{SECRET}x",
    ],
)
def test_what_opens_a_door_is_left_out(text: str) -> None:
    assert SECRET not in scrubbed(text)
    assert scrubbed(text).split()[0] in text or "…" in scrubbed(text)


def test_everything_else_stays() -> None:
    text = "Not Found: /account/sessions/b88bf784-8aae-4013-8a45-d5d49a432ec3/end/ core.logs.Line v1.2.3 a.b"
    assert scrubbed(text) == text


def test_a_traceback_is_scrubbed_too() -> None:
    token = entropy.token("refresh")
    try:
        raise ValueError(token)
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "it %s", ("broke",), (ValueError, error, error.__traceback__)
        )
    text = Line("{levelname} {message}", style="{").format(record)
    assert text.startswith("ERROR it broke")
    assert "ValueError" in text
    assert token not in text

"""Lists of people to invite, as somebody pastes them or a spreadsheet writes them: lines of `e-mail; role; name`. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied

MOST_ROWS = 100
MOST_CHARACTERS = 64_000
SEPARATORS = ";\t,"  # in the order in which one is looked for: a name may hold a comma
# What the columns may be called in a first line, in any case.
_HEADINGS = {
    "email": {
        "email",
        "e-mail",
        "mail",
        "address",
        "e-mail address",
        "email address",
        "e-mail-adresse",
        "adresse",
    },
    "role": {"role", "rolle", "rol", "rôle"},
    "name": {"name", "nombre", "nom"},
}
_ORDER = ("email", "role", "name")

TOO_LONG = Denied(
    code="invalid",
    field="rows",
    message=_("At most %(most)s people can be invited at once.") % {"most": MOST_ROWS},
)
NO_LIST = Denied(
    code="invalid",
    field="rows",
    message=_("This cannot be read as a list. Save the spreadsheet as CSV (UTF-8), or paste its lines."),
)


@dataclass(frozen=True, kw_only=True)
class InviteRow:
    """One line: whom to invite, with which role (empty: the usual one), and how to greet the person."""

    number: int
    email: str
    role: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """The line, as it could be typed again."""
        cells = [self.email, self.role, self.name]
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
        return "; ".join(f'"{cell}"' if ";" in cell else cell for cell in cells)


def decoded(data: bytes) -> str | Denied:
    """The text of a file, as spreadsheets write it: UTF-8 with or without a mark, UTF-16, or the old Western one."""
    if len(data) > 4 * MOST_CHARACTERS:
        return TOO_LONG
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_rows(text: str) -> list[InviteRow] | Denied:
    """The rows of a list; refused when it is none, or too long. Empty lines are passed over."""
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        return NO_LIST
    if len(text) > MOST_CHARACTERS:
        return TOO_LONG
    separator = _separator(text)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return NO_LIST
    cells = [[" ".join(cell.split()) for cell in line] for line in lines]
    cells = [line for line in cells if any(line)]
    order: Sequence[str] = _ORDER
    if cells and (found := _heading(cells[0])):
        order, cells = found, cells[1:]
    if len(cells) > MOST_ROWS:
        return TOO_LONG
    return [
        InviteRow(number=number, **{"email": "", **_named(line, order)})
        for number, line in enumerate(cells, start=1)
    ]


def _separator(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return next((one for one in SEPARATORS if one in first), ";")


def _heading(cells: Sequence[str]) -> Sequence[str] | None:
    """The fields in the order of a first line that names them; None when it is a line like the others."""
    names = [
        next((field for field, known in _HEADINGS.items() if cell.casefold() in known), "") for cell in cells
    ]
    return names if "email" in names else None


def _named(cells: Sequence[str], order: Sequence[str]) -> dict[str, str]:
    return {field: cell for field, cell in zip(order, cells, strict=False) if field}

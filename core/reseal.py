"""Sealing anew under the active root key whatever was sealed under another one.

The key's name stands in the text, so what is left to do is always in the database itself: killed at any point, it is run again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, TextField
from django.db.models.functions import Cast, Length, Substr

from core import crypto
from core.crypto import Sealed
from core.db import unit
from core.errors import PortalError
from core.sealed import SealedField

NAMED = 20  # rows that do not open are counted, and so many of them named


@dataclass
class Progress:
    """How far one column has come."""

    column: str
    waiting: int
    resealed: int = 0
    stuck: int = 0
    named: list[str] = field(default_factory=list)

    def note_stuck(self, row: str, reason: str) -> None:
        """A row that does not open."""
        self.stuck += 1
        if len(self.named) < NAMED:
            self.named.append(f"{self.column}, row {row}: {reason}")


def _waiting(column: SealedField) -> Any:
    """The rows whose value is sealed, and not under the active key. By the exact text: SQLite's LIKE would take K1 for k1."""
    active = f"{crypto.live_key_ids()[0]}."
    kept = column.model._base_manager.annotate(
        _text=Cast(F(column.name), TextField()),
        _begins=Substr("_text", 1, len(active)),
        _length=Length("_text"),
    )
    return kept.filter(_length__gt=0).exclude(_begins=active).order_by("pk")


def reseal(column: SealedField, *, dry_run: bool = False, batch: int = 200) -> Iterator[Progress]:
    """Seal every value of this column anew; tells after each batch how far it is. A value that was written meanwhile stays as it is.

    With `dry_run` every value is opened, and nothing written.
    """
    rows = _waiting(column)
    told = Progress(column=str(column), waiting=rows.count())
    last: Any = None
    while found := list(
        (rows if last is None else rows.filter(pk__gt=last)).only("pk", column.bound_to, column.name)[:batch]
    ):
        renewed = []
        for row in found:
            old: Sealed = getattr(row, column.name)
            try:
                plain = column.open_of(row)
            except PortalError as error:
                told.note_stuck(str(row.pk), error.detail)
                continue
            renewed.append((row.pk, old, column.seal_for(row, plain)))
        if dry_run:
            told.resealed += len(renewed)
        else:
            with unit():
                for pk, old, new in renewed:
                    unchanged = column.model._base_manager.filter(pk=pk, **{column.name: old})
                    told.resealed += unchanged.update(**{column.name: new})
        last = found[-1].pk
        yield told
    if not told.waiting:
        yield told

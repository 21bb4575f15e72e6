"""What the database holds, so that two moments can be compared."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from django.db import connection

from accounts.models import Session
from audit.models import AuditEvent
from core.models import Epoch, Tally

Row = dict[str, Any]
State = Mapping[tuple[str, Any], Row]
# What moves by itself: counters of limits, the version behind caches, and when a session was last used. The trail is looked at apart.
LEFT_OUT = {one._meta.db_table for one in (Tally, Epoch, AuditEvent)}
_COLUMNS_LEFT_OUT = {(Session._meta.db_table, "seen_at")}
_STILL = ("auth_", "django_")  # tables of Django that nothing of ours writes


@lru_cache(maxsize=1)
def _tables() -> tuple[str, ...]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return tuple(sorted(name for name in names if name not in LEFT_OUT and not name.startswith(_STILL)))


def state() -> State:
    """Every row of every table by table and key."""
    found: dict[tuple[str, Any], Row] = {}
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our own tables
            columns = [column[0] for column in cursor.description]
            for values in cursor.fetchall():
                row = {
                    name: value
                    for name, value in zip(columns, values, strict=True)
                    if (table, name) not in _COLUMNS_LEFT_OUT
                }
                found[table, values[0]] = row
    return found


def written() -> int | None:
    """How many rows were written so far, counted by the database; None where it does not count."""
    found: int | None = getattr(connection.connection, "total_changes", None)
    return found


def changes(
    before: State, after: State, *, but: Collection[str] = (), only: Collection[tuple[str, Any]] | None = None
) -> list[str]:
    """What differs, in words; `but` names tables in which that is no matter, `only` the rows in which it is."""
    found = []
    for key in before.keys() | after.keys():
        table, pk = key
        if table in but or (only is not None and key not in only) or before.get(key) == after.get(key):
            continue
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            found.append(f"{table} {pk} was {'made' if old is None else 'deleted'}")
        else:
            fields = sorted(name for name in old if old[name] != new[name])
            found.append(f"{table} {pk} was changed in {', '.join(fields)}")
    return sorted(found)

"""Named limits that read like sentences, counted in the database so that they hold across processes.

A take is one statement, so fifty parallel takes get fifty different counts and the limit is exact.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext, ngettext

from core.db import unit
from core.models import Tally
from core.outcomes import Denied

LONGEST_WAIT_TOLD = (
    120  # minutes; nobody waits longer, and a lock of ten years stands for "until it is unlocked"
)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `tries` within `window`; after that refused for `pause` (default: until the window ends)."""

    name: str
    tries: int
    window: timedelta
    pause: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Where a limit stands after a take: what is left, and the seconds until it is whole again."""

    limit: Limit
    refused: bool
    remaining: int
    reset: int


_TAKE = """
INSERT INTO core_tally AS t (key, count, tries, "window", pause, window_ends, blocked_until)
VALUES {rows}
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN t.blocked_until > %(now)s THEN t.count
               WHEN t.blocked_until > 0 OR t.window_ends <= %(now)s THEN 1
               ELSE t.count + 1 END,
  window_ends = CASE WHEN t.blocked_until > %(now)s THEN t.window_ends
                     WHEN t.blocked_until > 0 OR t.window_ends <= %(now)s THEN excluded.window_ends
                     ELSE t.window_ends END,
  blocked_until = CASE WHEN t.blocked_until > %(now)s
                            AND (excluded.pause > 0 OR excluded.tries <= t.tries OR t.count > excluded.tries)
                         THEN t.blocked_until
                       WHEN t.blocked_until > %(now)s THEN 0  -- the limit was raised meanwhile
                       WHEN t.blocked_until > 0 OR t.window_ends <= %(now)s THEN excluded.blocked_until
                       WHEN t.count + 1 <= excluded.tries THEN 0
                       WHEN excluded.pause > 0 THEN %(now)s + excluded.pause
                       ELSE t.window_ends END,
  tries = excluded.tries, "window" = excluded."window", pause = excluded.pause
RETURNING key, count, window_ends, blocked_until
"""
_SETTLE = """
UPDATE core_tally SET
  count = CASE WHEN key IN ({one}) AND count > 0 THEN count - 1 ELSE 0 END,
  blocked_until = CASE WHEN key IN ({one}) THEN blocked_until ELSE 0 END
WHERE key IN ({rows})
"""


def _row_key(limit: Limit, key: str) -> str:
    return f"{limit.name}:{key}"


def take_all(takes: Sequence[tuple[Limit, str]], *, now: datetime) -> list[Taken]:
    """Count one try against each of these limits, in one statement and in the order given."""
    if not takes:
        return []
    stamp = now.timestamp()
    by_key = {_row_key(limit, key): limit for limit, key in takes}
    params: dict[str, str | float] = {"now": stamp}
    rows = []
    # Sorted, so that two takes of the same limits lock their rows in the same order.
    for index, (key, limit) in enumerate(sorted(by_key.items())):
        window = limit.window.total_seconds()
        # An empty allowance is refused from the first try on.
        blocked = stamp + (limit.pause.total_seconds() or window) if limit.tries < 1 else 0.0
        params |= {
            f"k{index}": key,
            f"t{index}": limit.tries,
            f"w{index}": window,
            f"p{index}": limit.pause.total_seconds(),
            f"e{index}": stamp + window,
            f"b{index}": blocked,
        }
        rows.append(
            f"(%(k{index})s, 1, %(t{index})s, %(w{index})s, %(p{index})s, %(e{index})s, %(b{index})s)"
        )
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(rows=", ".join(rows)), params)
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    taken = []
    for limit, key in takes:
        count, window_ends, blocked_until = found[_row_key(limit, key)]
        refused = blocked_until > stamp
        taken.append(
            Taken(
                limit=limit,
                refused=refused,
                remaining=0 if refused else max(0, limit.tries - count),
                reset=max(1, round((blocked_until if refused else window_ends) - stamp)),
            )
        )
    return taken


def take_all_or_none(takes: Sequence[tuple[Limit, str]], *, now: datetime) -> list[Taken]:
    """Inside a unit: the same, but where one limit refuses, nothing is counted against the others."""
    taken = take_all(takes, now=now)
    if any(one.refused for one in taken):
        settle(one=[counter for counter, one in zip(takes, taken, strict=True) if not one.refused])
    return taken


def take(limit: Limit, key: str, *, now: datetime) -> Denied | None:
    """Count one try; `too_many` with the seconds to wait once the limit is used up."""
    return first_refusal(take_all([(limit, key)], now=now))


def first_refusal(taken: Sequence[Taken]) -> Denied | None:
    """The refusal that asks for the longest wait, if any limit refused."""
    refused = [one for one in taken if one.refused]
    if not refused:
        return None
    return too_many(max(one.reset for one in refused))


def too_many(seconds: int) -> Denied:
    """The one sentence about having tried too often, with the time to wait."""
    minutes = math.ceil(seconds / 60)
    message = (
        ngettext(
            "Too many tries. Please try again in a minute.",
            "Too many tries. Please try again in %(minutes)s minutes.",
            minutes,
        )
        % {"minutes": minutes}
        if minutes <= LONGEST_WAIT_TOLD
        else gettext("Too many tries. Please ask your administrator.")
    )
    return Denied(code="too_many", message=message, retry_after=seconds)


def standing(limit: Limit, key: str, *, now: datetime) -> Taken | None:
    """Where a limit stands, without counting; None when nothing is counted."""
    return next(iter(standings([limit], key, now=now)), None)


def standings(limits: Sequence[Limit], key: str, *, now: datetime) -> list[Taken]:
    """The same of several for one key, by one statement: those of them in which something is counted."""
    by_key, stamp = {_row_key(limit, key): limit for limit in limits}, now.timestamp()
    found = []
    for row in Tally.objects.filter(key__in=by_key):
        if not _counts(row, stamp):
            continue
        limit, refused = by_key[row.key], row.blocked_until > stamp
        found.append(
            Taken(
                limit=limit,
                refused=refused,
                remaining=0 if refused else max(0, limit.tries - row.count),
                reset=max(1, round((row.blocked_until if refused else row.window_ends) - stamp)),
            )
        )
    return found


def release(*counters: tuple[Limit, str]) -> int:
    """Forget what was counted for these; the number of counters in which something was."""
    rows = _in_order([_row_key(limit, key) for limit, key in counters])
    counted = rows.exclude(count=0, blocked_until=0).delete()[0]
    rows.delete()
    return counted


def settle(*, whole: Sequence[tuple[Limit, str]] = (), one: Sequence[tuple[Limit, str]] = ()) -> None:
    """After a success, in one statement: forget what was counted for `whole`, and take back one try of each of `one`."""
    lessened = [_row_key(limit, key) for limit, key in one]
    keys = [*(_row_key(limit, key) for limit, key in whole), *lessened]
    rows = _places(keys)
    if connection.vendor == "postgresql":
        rows = f"SELECT key FROM core_tally WHERE key IN ({rows}) ORDER BY key FOR UPDATE"  # noqa: S608  (placeholders)
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE.format(one=_places(lessened), rows=rows), [*lessened, *lessened, *keys])


def _places(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values)) or "NULL"


def _in_order(keys: Sequence[str]) -> QuerySet[Tally]:
    """The counters under these keys, locked in the order in which a take locks them: else the two could wait for each other."""
    if connection.vendor != "postgresql":
        return Tally.objects.filter(key__in=keys)
    ordered = "SELECT key FROM core_tally WHERE key = ANY(%s) ORDER BY key FOR UPDATE"
    return Tally.objects.filter(key__in=RawSQL(ordered, [list(keys)]))  # noqa: S611  (a constant)


def carry(limits: Sequence[Limit], moves: Mapping[str, str], *, now: datetime) -> int:
    """Count on under other keys what was counted under these, together with what is counted there; the number of counters moved."""
    pairs = {_row_key(limit, old): _row_key(limit, new) for limit in limits for old, new in moves.items()}
    if not Tally.objects.filter(key__in=pairs).exists():
        return 0
    stamp, moved = now.timestamp(), 0
    with unit():
        both = Tally.objects.filter(key__in=[*pairs, *pairs.values()])
        # In one order, for a process with the keys the other way round moves them back at the same moment.
        rows = {row.key: row for row in both.select_for_update().order_by("key")}
        for old, new in pairs.items():
            row, other = rows.get(old), rows.get(new)
            if row is None or not _counts(row, stamp):
                continue
            if other is not None and _counts(other, stamp):
                row.count += other.count
                row.window_ends = max(row.window_ends, other.window_ends)
                row.blocked_until = max(row.blocked_until, other.blocked_until)
            row.key = new
            row.save()
            rows[new] = row
            moved += 1
        both.filter(key__in=pairs).delete()
    return moved


def _counts(row: Tally, stamp: float) -> bool:
    return row.blocked_until > stamp or (row.count > 0 and not row.blocked_until and row.window_ends > stamp)


def prune(*, now: datetime) -> int:
    """Remove counters whose time is over."""
    stamp = now.timestamp()
    return Tally.objects.filter(window_ends__lt=stamp, blocked_until__lt=stamp).delete()[0]

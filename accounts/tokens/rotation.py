"""Where each signing key stands, and when the next one is due. Pure: from plain values and the time.

Nothing is switched: a key signs because its time has come and nobody's after it has. So a clock that stands still stops no signing,
and two nodes need no word of each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Whoever checks our tokens elsewhere may hold the published keys for five minutes; by then a key of the day before is known.
PUBLISHED_AHEAD = timedelta(days=1)
# What a key has signed outlives its turn: a join link by 72 hours, everything else by less.
OVERLAP = timedelta(days=4)
# So long after its end a turn is no longer a clock that is late: nobody makes new keys.
LATE = timedelta(days=2)


class Standing(StrEnum):
    """What a key is good for."""

    PUBLISHED = "published"  # shown to those who check; signs nothing yet
    ACTIVE = "active"  # signs
    RETIRED = "retired"  # signs no longer; what it signed still holds
    GONE = "gone"  # nothing that it signed can hold any more
    REVOKED = "revoked"  # nothing that it signed holds, from one moment to the next


VERIFYING = frozenset({Standing.PUBLISHED, Standing.ACTIVE, Standing.RETIRED})


@dataclass(frozen=True, kw_only=True)
class Turn:
    """When one key signs: from its time until that of the next one."""

    number: int
    active_from: datetime
    revoked_at: datetime | None = None

    @property
    def ever_signs(self) -> bool:
        """Whether its time comes before it is revoked."""
        return self.revoked_at is None or self.revoked_at > self.active_from


def in_order(turns: Iterable[Turn]) -> list[Turn]:
    """The turns as they come."""
    return sorted(turns, key=lambda turn: (turn.active_from, turn.number))


def ends(turns: Iterable[Turn]) -> dict[int, datetime | None]:
    """When each key hands over to the next one, by its number; None while there is no next one."""
    found: dict[int, datetime | None] = {}
    following: datetime | None = None
    for turn in reversed(in_order(turns)):
        found[turn.number] = following if turn.revoked_at is None else turn.revoked_at
        # A revoked one ended the turn before it if it signed until the next one did; else the one before it signed on behind it.
        if turn.revoked_at is None or (turn.ever_signs and following and turn.revoked_at >= following):
            following = turn.active_from
    return found


def active(turns: Iterable[Turn], *, now: datetime) -> Turn | None:
    """The one that signs: the last of those whose time has come; before the first has come, that one, for clocks of two nodes differ."""
    held = in_order(turn for turn in turns if turn.revoked_at is None)
    come = [turn for turn in held if turn.active_from <= now]
    return come[-1] if come else held[0] if held else None


def gone_at(turns: Iterable[Turn]) -> dict[int, datetime | None]:
    """From when on nothing that a key signed can hold, by its number; None while it has no end."""
    listed = list(turns)
    revoked = {turn.number: turn.revoked_at for turn in listed if turn.revoked_at is not None}
    return {
        number: revoked.get(number, end if end is None else end + OVERLAP)
        for number, end in ends(listed).items()
    }


def standings(turns: Iterable[Turn], *, now: datetime) -> dict[int, Standing]:
    """Where each key stands, by its number."""
    listed = in_order(turns)
    signing, gone = active(listed, now=now), gone_at(listed)

    def standing(turn: Turn) -> Standing:
        if turn.revoked_at is not None:
            return Standing.REVOKED
        if turn == signing:
            return Standing.ACTIVE
        if turn.active_from > now:
            return Standing.PUBLISHED
        end = gone[turn.number]
        return Standing.GONE if end is not None and end <= now else Standing.RETIRED

    return {turn.number: standing(turn) for turn in listed}


def next_turn(turns: Iterable[Turn], *, period: timedelta, now: datetime) -> datetime | None:
    """From when on the key signs that has to be published now; None when none is due.

    A late one is published its day ahead all the same: who checks elsewhere must have the time to see it.
    """
    held = in_order(turn for turn in turns if turn.revoked_at is None)
    signing = active(held, now=now)
    if signing is None:
        return now
    wanted = signing.active_from + period
    if held[-1] != signing or now < wanted - PUBLISHED_AHEAD:
        return None
    return max(wanted, now + PUBLISHED_AHEAD)


def is_late(signing: Turn, *, period: timedelta, now: datetime) -> bool:
    """Whether the key that signs should have handed over days ago."""
    return now >= signing.active_from + period + LATE

"""The pages of a session, and how long the customer stayed on each."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cobrowse.models import CobrowseSession, Page


def durations(
    entered: Sequence[datetime], *, began: datetime, ended: datetime | None, now: datetime
) -> list[int]:
    """Whole seconds on each page: the first counts from when the session began, the last to its end, or to now (design/sources, 1.8).

    Together they are as long as the session, whatever clocks and late messages did.
    """
    until = max(began, ended or now)
    marks = [began, *entered[1:], until] if entered else []
    # What was entered before it began, or told of after its end, counts from there; and time never runs backwards.
    passed = [0]
    for mark in marks[1:]:
        seconds = int((min(max(mark, began), until) - began).total_seconds())
        passed.append(max(seconds, passed[-1]))
    return [later - earlier for earlier, later in pairwise(passed)]


def visits(session: CobrowseSession, *, now: datetime) -> list[tuple[Page, int]]:
    """The pages that were seen, in their order, each with the seconds on it."""
    pages = list(session.pages.all())
    entered = [one.entered_at for one in pages]
    lasted = durations(entered, began=session.began_at, ended=session.ended_at, now=now)
    return list(zip(pages, lasted, strict=True))

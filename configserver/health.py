"""How a directory is, summed up from what the clock last saw of its servers (`configserver.health_checks`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import QuerySet

from configserver.directory import Directory, DirectoryServer

STALE = timedelta(minutes=5)  # what was seen longer ago says nothing of now
SOON = timedelta(days=21)  # that a certificate ends


class State(StrEnum):
    """How a directory is as a whole."""

    OFF = "off"
    UNSEEN = "unseen"  # nobody has looked lately
    ANSWERS = "answers"
    PARTLY = "partly"  # some servers do not answer
    SILENT = "silent"  # none does


class Certificate(StrEnum):
    """How long a certificate holds."""

    NONE = "none"  # that anybody has seen
    OK = "ok"
    SOON = "soon"
    OVER = "over"


@dataclass(frozen=True, kw_only=True)
class Health:
    """How one directory was last seen."""

    state: State
    servers: int
    answering: int
    failing: int
    since: datetime | None = None  # where none answers
    seen_at: datetime | None = None
    certificate_expires_at: datetime | None = None  # of the one that ends first


def directories_with_health() -> QuerySet[Directory]:
    """All directories by name, with what their health is told by, and without their certificates and filters."""
    rows = Directory.objects.only("uid", "name", "servers", "is_active").prefetch_related("seen")
    return rows.order_by("name")


def health_of(directory: Directory, rows: Iterable[DirectoryServer], *, now: datetime) -> Health:
    """How the directory is, by the rows of its servers."""
    names = directory.server_names
    seen = [row for row in rows if row.server in names]
    fresh = [row for row in seen if now - row.checked_at < STALE]
    failing = [row for row in fresh if not row.ok]
    ends = [row.certificate_expires_at for row in seen if row.certificate_expires_at is not None]
    if not directory.is_active:
        state = State.OFF
    elif not fresh:
        state = State.UNSEEN
    elif len(failing) == len(fresh):
        state = State.SILENT
    else:
        state = State.PARTLY if failing else State.ANSWERS
    return Health(
        state=state,
        servers=len(names),
        answering=len(fresh) - len(failing),
        failing=len(failing),
        since=max(row.since for row in failing) if state is State.SILENT else None,
        seen_at=max((row.checked_at for row in seen), default=None),
        certificate_expires_at=min(ends, default=None),
    )


def certificate_at(expires_at: datetime | None, *, now: datetime) -> Certificate:
    """Whether a certificate that ends at this moment is over, or soon will be."""
    if expires_at is None:
        return Certificate.NONE
    if expires_at <= now:
        return Certificate.OVER
    return Certificate.SOON if expires_at - now < SOON else Certificate.OK


def days_left(expires_at: datetime, *, now: datetime) -> int:
    """Whole days until then."""
    return max((expires_at - now).days, 0)

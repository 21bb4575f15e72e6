"""`/metrics`, for Prometheus: what the processes of this machine have counted, and what the database knows of the installation.

The database is asked at most every two seconds, in one thread at a time, and only while it answers.
"""

import math
import platform
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import django
from django.db import DatabaseError, connection
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily

from accounts.models import Session
from audit import counted
from audit.models import AuditEvent
from configserver.health import directories_with_health, health_of
from core import epoch, metrics, seen
from delivery.models import UNDER_WAY, Delivery, Kind, State
from portal.version import version

KEPT_SECONDS = 2.0
PULSE_SECONDS = 1.0
MOST = 10_000  # further than this nothing is counted one by one
MOST_DIRECTORIES = 50
RECENT = timedelta(minutes=10)

_IN_HAND = metrics.gauge(
    "http_requests_in_hand",
    "Requests that a web process works on or keeps waiting.",
    ("service",),
    over="livesum",
)
_SILENT = metrics.gauge(
    "epoch_age_seconds",
    "Seconds since a web process last heard the version row of the database; the worst of them.",
    ("service",),
    over="livemax",
)
_PROCESSES = metrics.gauge("web_processes", "Web processes that run.", ("service",), over="livesum")

# The parts, and the commands that somebody has to run now and then, by how they are noted.
PARTS = (seen.WORKER, seen.CLOCK)
COMMANDS = {"backup": seen.BACKUP, "audit verify": seen.VERIFICATION}

_UNDER_WAY = Q(state__in=UNDER_WAY)
OUTCOMES = {
    "waiting": _UNDER_WAY & Q(error=""),
    "deferred": _UNDER_WAY & ~Q(error=""),
    **{state.value: Q(state=state) for state in State if state not in UNDER_WAY},
}

# What the database tells: of the whole installation, the same on every machine.
INSTALLATION: dict[str, tuple[tuple[str, ...], str]] = {
    "database_up": (
        (),
        "Whether the database answers; nothing else that it knows is told while it does not.",
    ),
    "deliveries_recent": (
        ("kind", "outcome"),
        f"Messages asked for in the last {RECENT // timedelta(minutes=1)} minutes by what has become of them; of the newest {MOST}.",
    ),
    "deliveries_waiting": ((), f"Messages not sent yet; {MOST} means at least."),
    "deliveries_overdue_seconds": ((), "How long the message that is most overdue has been due."),
    "directory_servers": (
        ("directory", "state"),
        f"Servers of each directory that is on, by how the clock last found them; of the first {MOST_DIRECTORIES} by name.",
    ),
    "sessions_live": ((), f"Sessions that hold; {MOST} means at least."),
    "audit_rows": ((), "Rows of the audit trail, by their numbers."),
    "last_seen_seconds": (
        ("service",),
        "Seconds since worker and clock last did their work, wherever they run; +Inf when they never did.",
    ),
    "last_done_seconds": (
        ("command",),
        "Seconds since a backup was last made and the audit trail last found intact; +Inf when never.",
    ),
}
BUILD = (("version", "django", "python"), "What runs here; always 1.")


def _family(name: str) -> GaugeMetricFamily:
    labels, text = INSTALLATION[name]
    return GaugeMetricFamily(f"{metrics.PREFIX}_{name}", text, labels=labels)


def _told(name: str, value: float) -> GaugeMetricFamily:
    family = _family(name)
    family.add_metric([], value)
    return family


class Installation:
    """What the database tells."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every number, or only that the database does not answer."""
        found: list[GaugeMetricFamily] = []
        answers = epoch.silent_for() < epoch.TOO_LONG
        if answers:
            try:
                found = list(self._asked())
            except DatabaseError:
                answers = False
        yield _told("database_up", float(answers))
        yield from found

    def _asked(self) -> Iterator[GaugeMetricFamily]:
        now = timezone.now()
        yield _recent(now)
        waiting = Delivery.objects.filter(_UNDER_WAY)
        yield _told("deliveries_waiting", _count(waiting))
        due = waiting.order_by("next_try_at").values_list("next_try_at", flat=True).first()
        yield _told("deliveries_overdue_seconds", max((now - due).total_seconds(), 0.0) if due else 0.0)
        yield _directories(now)
        yield _told("sessions_live", _count(Session.objects.filter(Session.live(now=now))))
        # Two questions, for SQLite answers both ends in one by reading everything between.
        numbers = AuditEvent.objects.values_list("id", flat=True)
        first, newest = numbers.order_by("id").first(), numbers.order_by("-id").first()
        yield _told("audit_rows", newest - first + 1 if first and newest else 0)
        last = seen.last()
        yield _ages("last_seen_seconds", {name: last.get(name) for name in PARTS}, now=now)
        yield _ages("last_done_seconds", {name: last.get(noted) for name, noted in COMMANDS.items()}, now=now)


class Build:
    """What runs here."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One number that is always 1, with the versions beside it."""
        labels, text = BUILD
        family = GaugeMetricFamily(f"{metrics.PREFIX}_build_info", text, labels=labels)
        family.add_metric([version(), django.__version__, platform.python_version()], 1)
        yield family


def _recent(now: datetime) -> GaugeMetricFamily:
    """Of the rows, for the worker that knows more has no door; none is missing, so that rules compare with zero."""
    newest = Delivery.objects.filter(created_at__gt=now - RECENT).order_by("-created_at")[:MOST]
    each = [(kind.value, outcome) for kind in Kind for outcome in OUTCOMES]
    found = newest.aggregate(
        **{
            f"{kind}_{outcome}": Count("pk", filter=Q(kind=kind) & OUTCOMES[outcome])
            for kind, outcome in each
        }
    )
    family = _family("deliveries_recent")
    for kind, outcome in each:
        family.add_metric([kind, outcome], found[f"{kind}_{outcome}"])
    return family


def _directories(now: datetime) -> GaugeMetricFamily:
    """None is missing, so that a rule can compare those that answer with zero."""
    family = _family("directory_servers")
    for directory in directories_with_health().filter(is_active=True)[:MOST_DIRECTORIES]:
        health = health_of(directory, directory.seen.all(), now=now)
        counted = {"answers": health.answering, "fails": health.failing}
        counted["unseen"] = health.servers - sum(counted.values())
        for state, number in counted.items():
            family.add_metric([directory.name, state], number)
    return family


def _ages(name: str, times: dict[str, datetime | None], *, now: datetime) -> GaugeMetricFamily:
    family = _family(name)
    for label, at in times.items():
        family.add_metric([label], math.inf if at is None else max((now - at).total_seconds(), 0.0))
    return family


def _count(rows: QuerySet[Any]) -> int:
    return rows.order_by()[:MOST].count()


class Report:
    """The text of a scrape, kept for a moment: however many ask, the database is asked once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text, self._made_at = b"", float("-inf")

    def __call__(self) -> bytes:
        """The text; while it is being made, everybody else gets the last one."""
        if time.monotonic() - self._made_at < KEPT_SECONDS or not self._lock.acquire(
            timeout=0 if self._text else 5
        ):
            return self._text
        try:
            if time.monotonic() - self._made_at >= KEPT_SECONDS:
                registry = metrics.of_the_living()
                registry.register(Installation())
                registry.register(Build())
                self._text, self._made_at = generate_latest(registry), time.monotonic()
            return self._text
        finally:
            self._lock.release()


report = Report()


def begin_pulse(in_hand: Callable[[], int]) -> None:
    """Have a thread of this web process say once a second how it is."""

    def beat() -> None:
        counted.begin()
        while True:
            with metrics.counting():
                _PROCESSES.labels("web").set(1)
                _IN_HAND.labels("web").set(in_hand())
                _SILENT.labels("web").set(epoch.silent_for())
            connection.close()  # the first beat may have asked the database; no later one does
            time.sleep(PULSE_SECONDS)

    threading.Thread(target=beat, name="pulse", daemon=True).start()

"""The check of every server of every directory that the clock asks for, kept a row for each."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from configserver.directories import build_engine
from configserver.engines.base import Engine, Tested
from configserver.engines.many import ask_all
from configserver.engines.slots import room
from configserver.models import Directory, DirectoryServer
from core.db import unit
from core.errors import PortalError
from core.throttle import Limit, take

logger = logging.getLogger(__name__)

# The clock says so every minute, on every machine that has one. A check ends within BEGUN_WITHIN and PATIENCE_MS, so there are never
# two at once; the mails that the same worker sends may wait so long behind it.
CHECKS = Limit(name="directory-checks", tries=1, window=timedelta(seconds=45))
BEGUN_WITHIN = 6.0  # seconds
PATIENCE_MS = 4_000  # for one server, however long a sign-in would wait
NEVER = datetime.min.replace(tzinfo=UTC)

Place = tuple[int, str]  # the number of a directory, and the name of a server


def check_servers(*, now: datetime) -> int:
    """Test the servers of all active directories, without a name, and keep what was seen; how many were asked. Never inside a unit."""
    if take(CHECKS, "all", now=now) is not None:
        return 0
    engines = {one.pk: _engine(one) for one in Directory.objects.filter(is_active=True)}
    before = _rows()
    places = [(pk, server) for pk, (engine, names) in engines.items() if engine for server in names]
    # Where there are more than time allows, those not looked at for longest come first.
    places.sort(key=lambda place: before[place].checked_at if place in before else NEVER)
    questions = [(engine, server) for pk, server in places if (engine := engines[pk][0])]
    tested = ask_all(questions, at_once=room(), begun_within=BEGUN_WITHIN)
    seen = {place: one for place, one in zip(places, tested, strict=True) if one.checks}
    _keep(seen, now=now)
    return len(seen)


def _engine(directory: Directory) -> tuple[Engine | None, Sequence[str]]:
    directory.connect_timeout_ms = min(directory.connect_timeout_ms, PATIENCE_MS)
    directory.timeout_ms = min(directory.timeout_ms, PATIENCE_MS)  # not saved
    try:
        return build_engine(directory), directory.server_names
    except PortalError as error:
        logger.warning("directory %s is not looked at: %s", directory.uid, error.code)
        return None, ()


def _rows() -> dict[Place, DirectoryServer]:
    return {(row.directory_id, row.server): row for row in DirectoryServer.objects.all()}


def _keep(seen: dict[Place, Tested], *, now: datetime) -> None:
    """Store what was seen, and forget servers that are no longer asked."""
    with unit():
        wanted = {
            (one.pk, server)
            for one in Directory.objects.select_for_update().filter(is_active=True)
            for server in one.server_names
        }
        before = _rows()
        DirectoryServer.objects.filter(
            pk__in=[row.pk for place, row in before.items() if place not in wanted]
        ).delete()
        rows = [
            _row(place, tested, before=before.get(place), now=now)
            for place, tested in seen.items()
            if place in wanted
        ]
        DirectoryServer.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["directory", "server"],
            update_fields=[
                "checked_at",
                "ok",
                "since",
                "failed_step",
                "reason",
                "milliseconds",
                "certificate_expires_at",
            ],
        )


def _row(place: Place, tested: Tested, *, before: DirectoryServer | None, now: datetime) -> DirectoryServer:
    directory_id, server = place
    failed = next((check for check in tested.checks if not check.ok), None)
    same = before is not None and before.ok == tested.ok
    if not same and (before is not None or failed is not None):
        state = f"fails at {failed.step}" if failed is not None else "answers again"
        logger.warning("directory server %s %s", server, state)
    ends = tested.certificate_expires_at
    return DirectoryServer(
        directory_id=directory_id,
        server=server,
        checked_at=now,
        ok=tested.ok,
        since=before.since if same and before is not None else now,
        failed_step=failed.step if failed is not None else "",
        reason=failed.seen[:300] if failed is not None else "",
        milliseconds=sum(check.milliseconds for check in tested.checks),
        certificate_expires_at=None if ends is None else datetime.fromtimestamp(ends, tz=UTC),
    )

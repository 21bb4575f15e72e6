"""What the clock sees of directories, against a real server; what is kept of it, and what it comes to."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from configserver.health import Certificate, State, certificate_at, days_left, health_of
from configserver.health_checks import BEGUN_WITHIN, CHECKS, PATIENCE_MS, check_servers
from configserver.models import Directory, DirectoryServer
from core import sealed
from portal.celery import SCHEDULE, app
from tests import directory
from tests.services.radius import Radius, free_udp_port, freeradius

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def radius() -> Iterator[Radius]:
    with freeradius() as server:
        yield server


def _rows() -> dict[str, DirectoryServer]:
    return {row.server: row for row in DirectoryServer.objects.all()}


def _drop(one: Directory, *servers: str) -> None:
    Directory.objects.filter(pk=one.pk).update(servers="\n".join(servers))


# --- the look ----------------------------------------------------------------------------------------------------------------


def test_each_server_has_one_row_that_says_how_it_was_found(radius: Radius) -> None:
    made = directory.directory(servers=f"{radius.name}\n127.0.0.1:9")
    assert check_servers(now=NOW) == 2
    rows = _rows()
    good, bad = rows[radius.name], rows["127.0.0.1:9"]
    assert (good.ok, good.failed_step, good.reason) == (True, "", "")
    assert (bad.ok, bad.failed_step) == (False, "answer")
    assert "Nobody listens" in bad.reason
    assert (good.checked_at, good.since, bad.since) == (NOW, NOW, NOW)
    assert check_servers(now=NOW + MINUTE) == 2
    assert DirectoryServer.objects.count() == 2
    again = _rows()[radius.name]
    assert (again.checked_at, again.since) == (NOW + MINUTE, NOW)
    assert health_of(made, DirectoryServer.objects.all(), now=NOW + MINUTE).state is State.PARTLY


def test_since_when_a_server_is_as_it_is_follows_it_down_and_up() -> None:
    port = free_udp_port()
    made = directory.directory(servers=f"127.0.0.1:{port}")
    check_servers(now=NOW)
    check_servers(now=NOW + MINUTE)
    health = health_of(made, made.seen.all(), now=NOW + MINUTE)
    assert (health.state, health.since, health.answering) == (State.SILENT, NOW, 0)
    with freeradius(port=port) as server:
        check_servers(now=NOW + 2 * MINUTE)
        row = _rows()[server.name]
        assert (row.ok, row.since, row.reason) == (True, NOW + 2 * MINUTE, "")
        assert health_of(made, made.seen.all(), now=NOW + 2 * MINUTE).state is State.ANSWERS
        with server.hung():
            check_servers(now=NOW + 3 * MINUTE)
    assert _rows()[server.name].since == NOW + 3 * MINUTE


def test_servers_and_directories_that_are_gone_are_forgotten(radius: Radius) -> None:
    one = directory.directory("One", servers=f"{radius.name}\n127.0.0.1:9")
    two = directory.directory("Two", servers=radius.name)
    check_servers(now=NOW)
    assert DirectoryServer.objects.count() == 3
    _drop(one, radius.name)
    Directory.objects.filter(pk=two.pk).update(is_active=False)
    assert check_servers(now=NOW + MINUTE) == 1
    assert list(DirectoryServer.objects.values_list("directory__name", "server")) == [("One", radius.name)]
    Directory.objects.all().delete()
    assert check_servers(now=NOW + 2 * MINUTE) == 0
    assert not DirectoryServer.objects.exists()


def test_there_are_never_two_looks_at_once(radius: Radius) -> None:
    directory.directory(servers=radius.name)
    assert [
        check_servers(now=NOW),
        check_servers(now=NOW),
        check_servers(now=NOW + timedelta(seconds=44)),
    ] == [1, 0, 0]
    assert check_servers(now=NOW + MINUTE) == 1
    longest = BEGUN_WITHIN + PATIENCE_MS / 1000
    assert longest < CHECKS.window.total_seconds()
    assert longest < SCHEDULE["look at the directories"]["schedule"]


def test_many_dead_servers_hold_the_worker_no_longer_than_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("configserver.health_checks.BEGUN_WITHIN", 0.5)
    with ExitStack() as stack:
        deaf = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _number in range(20)]
        for one in deaf:
            one.bind(("127.0.0.1", 0))  # it takes every request and answers none
        names = [f"127.0.0.1:{one.getsockname()[1]}" for one in deaf]
        for number in range(2):
            ten = "\n".join(names[10 * number :][:10])
            directory.directory(f"Dead {number}", servers=ten, connect_timeout_ms=400, attempts=1)
        began = time.monotonic()
        first = check_servers(now=NOW)
        assert time.monotonic() - began < 3
        assert 0 < first < 20
        # Those that had no turn come first the next time.
        second = check_servers(now=NOW + MINUTE)
    assert DirectoryServer.objects.filter(checked_at=NOW).count() == first
    assert DirectoryServer.objects.filter(checked_at=NOW + MINUTE).count() == second > 0


def test_a_long_time_limit_of_a_directory_is_not_that_of_a_look() -> None:
    with freeradius() as server, server.hung():
        directory.directory(servers=server.name, connect_timeout_ms=10_000, timeout_ms=20_000, attempts=5)
        began = time.monotonic()
        check_servers(now=NOW)
        assert time.monotonic() - began < PATIENCE_MS / 1000 + 2
    assert not _rows()[server.name].ok
    assert Directory.objects.get().timeout_ms == 20_000


def test_a_secret_that_does_not_open_spares_the_other_directories(
    radius: Radius, caplog: pytest.LogCaptureFixture
) -> None:
    broken = directory.directory("Broken", servers=radius.name)
    Directory.objects.filter(pk=broken.pk).update(secret=sealed.Sealed("k9:AAAA"))
    directory.directory("Whole", servers=radius.name)
    assert check_servers(now=NOW) == 1
    assert "is not looked at" in caplog.text


def test_a_change_for_the_worse_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    directory.directory(servers="127.0.0.1:9")
    check_servers(now=NOW)
    check_servers(now=NOW + MINUTE)
    assert caplog.text.count("fails at answer") == 1


def test_the_clock_says_so_every_minute_and_the_worker_knows_the_task() -> None:
    entry = SCHEDULE["look at the directories"]
    assert (entry["task"], entry["schedule"], entry["options"]["expires"]) == ("configserver.check", 60.0, 30)
    app.loader.import_default_modules()
    directory.directory(servers="127.0.0.1:9")
    app.tasks["configserver.check"]()
    assert DirectoryServer.objects.count() == 1


# --- what it comes to --------------------------------------------------------------------------------------------------------


def _seen(one: Directory, server: str, *, ok: bool, at: datetime = NOW, **more: object) -> DirectoryServer:
    return DirectoryServer(directory=one, server=server, ok=ok, checked_at=at, **{"since": at} | more)


def test_health_goes_by_the_servers_that_are_asked_now_and_by_nothing_old() -> None:
    one = Directory(name="One", servers="a:1\nb:1")
    old = NOW - timedelta(minutes=6)
    assert health_of(one, [], now=NOW).state is State.UNSEEN
    assert health_of(one, [_seen(one, "a:1", ok=True, at=old)], now=NOW).state is State.UNSEEN
    assert health_of(one, [_seen(one, "gone:1", ok=False)], now=NOW).state is State.UNSEEN
    both = [_seen(one, "a:1", ok=True), _seen(one, "b:1", ok=True)]
    assert health_of(one, both, now=NOW).state is State.ANSWERS
    one.is_active = False
    assert health_of(one, both, now=NOW).state is State.OFF


def test_a_directory_is_silent_since_the_last_of_its_servers_is() -> None:
    one = Directory(name="One", servers="a:1\nb:1")
    rows = [
        _seen(one, "a:1", ok=False, since=NOW - timedelta(hours=5)),
        _seen(one, "b:1", ok=False, since=NOW - timedelta(hours=1)),
    ]
    health = health_of(one, rows, now=NOW)
    assert (health.state, health.since) == (State.SILENT, NOW - timedelta(hours=1))


def test_a_certificate_is_soon_over_for_three_weeks() -> None:
    for ends, expected in (
        (None, Certificate.NONE),
        (NOW + timedelta(days=21), Certificate.OK),
        (NOW + timedelta(days=21) - timedelta(seconds=1), Certificate.SOON),
        (NOW + timedelta(seconds=1), Certificate.SOON),
        (NOW, Certificate.OVER),
    ):
        assert certificate_at(ends, now=NOW) is expected, ends
    assert days_left(NOW + timedelta(days=2, hours=23), now=NOW) == 2
    one = Directory(name="One", servers="a:1\nb:1")
    rows = [
        _seen(one, "a:1", ok=True, certificate_expires_at=NOW + timedelta(days=90)),
        _seen(one, "b:1", ok=True, certificate_expires_at=NOW + timedelta(days=3)),
    ]
    assert health_of(one, rows, now=NOW).certificate_expires_at == NOW + timedelta(days=3)

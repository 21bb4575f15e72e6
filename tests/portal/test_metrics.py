"""The numbers: who may read them, that nobody can make more of them, and that they are right over several processes."""

import math
import os
import random
import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery.signals import beat_init, worker_ready
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from core import metrics, seen
from delivery.models import Delivery, State
from portal import metrics as door
from portal import tasks
from tests import directory
from tests.isolation.routes import ROUTES, VERBS

pytestmark = pytest.mark.django_db
TOKEN = "0123456789abcdef0123456789"


@pytest.fixture(autouse=True)
def unkept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is kept from one scrape to the next."""
    monkeypatch.setattr(door, "KEPT_SECONDS", 0.0)
    yield
    seen._noted.clear()


def _series(client: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics", HTTP_HOST="127.0.0.1")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def test_this_machine_may_read_them_and_nobody_else(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["portal.example"]
    for host in ("127.0.0.1:8000", "localhost", "[::1]:8000", "[::1]", "portal.example"):
        assert client.get("/metrics", HTTP_HOST=host).status_code == 200
    refused: list[dict[str, str]] = [
        {"REMOTE_ADDR": "192.0.2.7", "HTTP_HOST": "127.0.0.1"},
        {"REMOTE_ADDR": "", "HTTP_HOST": "127.0.0.1"},
        {"HTTP_HOST": "rebound.example"},  # a page in a browser of this machine
        *({"HTTP_HOST": "127.0.0.1", name: "127.0.0.1"} for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA")),
    ]  # fmt: skip
    for request in refused:
        assert client.get("/metrics", **request).status_code == 404
    assert client.head("/metrics", HTTP_HOST="127.0.0.1").status_code == 200
    assert client.post("/metrics", HTTP_HOST="127.0.0.1").status_code == 405


def test_where_there_is_a_token_it_alone_counts(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    for given in (
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        "Bearer é",
    ):
        assert client.get("/metrics", headers={"Authorization": given}).status_code == 404
    answer = client.get(
        "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, REMOTE_ADDR="192.0.2.7", HTTP_HOST="x"
    )
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")


def test_nobody_makes_series_by_what_he_sends(client: Client) -> None:
    client.raise_request_exception = False
    for route in list(ROUTES.values())[:40]:
        client.get("/" + route.text)
    client.generic("BREW", "/login/")
    before = set(_series(client))
    generator = random.Random(7)
    for number in range(2_000):
        made_up = "".join(generator.choices(string.ascii_letters, k=12))
        verb = made_up.upper() if number % 3 == 0 else generator.choice(VERBS)
        path = f"/{made_up}/" if number % 2 else f"/login/{made_up}/"
        client.generic(
            verb,
            path,
            f"username={made_up}",
            content_type=made_up,
            HTTP_HOST=f"{made_up}.example" if number % 5 == 0 else "127.0.0.1",
        )
    after = set(_series(client))
    assert not [one for one in after if any(len(value) == 12 and value.isalpha() for _name, value in one[1])]
    assert len(after - before) < 60, after - before


def test_requests_of_several_processes_are_added_up_and_go_on_when_one_has_died(client: Client) -> None:
    name = ("gatehouse_http_requests_total", (("method", "GET"), ("route", "readyz"), ("status", "2xx")))
    client.get("/readyz")
    before = _series(client)[name]
    places = len(list(metrics.folder().glob("*.lock")))
    for _ in range(3):
        child = os.fork()
        if not child:
            client.get("/livez")
            door._SILENT.labels("web").set(1e9)
            door._IN_HAND.labels("web").set(7)
            from core.watch import _REQUESTS

            _REQUESTS.labels("GET", "readyz", "2xx").inc()
            os._exit(0)
        os.waitpid(child, 0)
    series = _series(client)
    assert series[name] == before + 3
    assert (
        len(list(metrics.folder().glob("*.lock"))) <= places + 1
    )  # one after the other, they took the same place
    # What they said of themselves went with them.
    assert series.get(("gatehouse_epoch_age_seconds", (("service", "web"),)), 0) < 1e9
    assert series.get(("gatehouse_http_requests_in_hand", (("service", "web"),)), 0) < 7


def test_the_installation_is_told(client: Client) -> None:
    now = timezone.now()
    seen.note(seen.CLOCK, now=now - timedelta(seconds=40))
    call_command("audit", "verify")
    series = _series(client)
    assert series["gatehouse_database_up", ()] == 1
    assert 40 <= series["gatehouse_last_seen_seconds", (("service", "clock"),)] < 60
    assert series["gatehouse_last_seen_seconds", (("service", "worker"),)] == math.inf  # never is told, too
    assert series["gatehouse_last_done_seconds", (("command", "audit verify"),)] < 20
    assert series["gatehouse_last_done_seconds", (("command", "backup"),)] == math.inf
    assert series["gatehouse_deliveries_waiting", ()] == 0
    assert ("gatehouse_audit_rows", ()) in series


def test_the_servers_of_directories_are_told_by_how_they_were_found(client: Client) -> None:
    now = timezone.now()

    def told() -> dict[str, float]:
        name, series = "gatehouse_directory_servers", _series(client)
        return {
            dict(labels)["state"]: value
            for (one, labels), value in series.items()
            if one == name and dict(labels)["directory"] == "Head office"
        }

    assert told() == {}
    made = directory.directory(servers="a:1\nb:1\nc:1")
    assert told() == {"answers": 0, "fails": 0, "unseen": 3}
    for server, ok, ago in (("a:1", True, 1), ("b:1", False, 1), ("c:1", True, 10)):
        at = now - timedelta(minutes=ago)
        made.seen.create(server=server, ok=ok, checked_at=at, since=at)
    assert told() == {"answers": 1, "fails": 1, "unseen": 1}
    for number in range(door.MOST_DIRECTORIES + 5):
        directory.directory(f"Another {number}")
    names = {
        dict(labels)["directory"] for one, labels in _series(client) if one.endswith("directory_servers")
    }
    assert len(names) == door.MOST_DIRECTORIES
    made.is_active = False
    made.save()
    assert told() == {}


def test_what_became_of_recent_messages_is_told_of_the_rows(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()

    def asked(state: State, *, error: str = "", ago: timedelta = timedelta(minutes=9)) -> Delivery:
        times = {"created_at": now - ago, "next_try_at": now, "expires_at": now + timedelta(hours=1)}
        return Delivery.objects.create(
            kind="email", to="ben@acme.example", template="code", state=state, error=error, **times
        )

    def told() -> dict[str, float]:
        name, series = "gatehouse_deliveries_recent", _series(client)
        return {one: series[name, (("kind", "email"), ("outcome", one))] for one in door.OUTCOMES}

    for state in (State.SENT, State.SENT, State.FAILED, State.EXPIRED, State.QUEUED, State.LEASED):
        asked(state)
    asked(State.QUEUED, error="450 not now")
    asked(State.FAILED, ago=timedelta(minutes=11))
    assert told() == {
        "waiting": 2, "deferred": 1, "sent": 2, "failed": 1, "expired": 1, "cancelled": 0,
    }  # fmt: skip
    monkeypatch.setattr(door, "MOST", 3)
    assert sum(told().values()) == 3  # the newest alone


def test_worker_and_clock_are_seen_as_soon_as_they_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.connections, "close_all", lambda: None)  # the test's own is in it
    for part, signal in ((seen.WORKER, worker_ready), (seen.CLOCK, beat_init)):
        seen.note(part, now=timezone.now() - timedelta(minutes=5))
        seen._noted.clear()  # as in a new process
        signal.send(sender=None)
        assert timezone.now() - seen.last()[part] < timedelta(seconds=20)


def test_a_dead_database_is_told_and_the_rest_stays(client: Client) -> None:
    client.get("/login/")

    def dead(*args: object) -> None:
        raise DatabaseError

    with connection.execute_wrapper(dead):
        series = _series(client)
    assert series["gatehouse_database_up", ()] == 0
    assert any(name == "gatehouse_http_requests_total" for name, _labels in series)
    assert not any(name == "gatehouse_audit_rows" for name, _labels in series)


def test_many_who_ask_at_once_ask_the_database_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "KEPT_SECONDS", 60.0)
    asked: list[int] = []
    monkeypatch.setattr(door.Installation, "collect", lambda _self: asked.append(1) or [])
    report = door.Report()
    with ThreadPoolExecutor(8) as crowd:
        texts = list(crowd.map(lambda _number: report(), range(100)))
    assert len(asked) == 1
    assert len(set(texts)) == 1


def test_a_full_disk_costs_the_count_and_not_the_request(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics._place, "_pid", 0)
    monkeypatch.setattr(metrics._place, "_take", full)
    assert client.get("/readyz").status_code == 200

"""A worker that lives and takes no message is noticed, and only such a one."""

import threading
from collections.abc import Iterator

import pytest
import redis
from celery import Celery

from portal import hearing
from portal.celery import configuration
from portal.hearing import Hearing
from tests.services.redis import Redis, redis_machine


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    """A Redis of one's own."""
    with redis_machine() as up:
        yield up


@pytest.fixture
def app(server: Redis) -> Iterator[Celery]:
    """A queue on it that nobody empties."""
    made = Celery("deaf", set_as_current=False)
    made.conf.update(configuration(redis_url=server.url))
    yield made
    made.close()


def _long_ago(listener: Hearing) -> Hearing:
    listener._heard_at -= hearing.DEAF_SECONDS + 1
    return listener


def test_who_has_just_taken_a_message_is_not_asked(app: Celery) -> None:
    app.send_task("delivery.drain")
    assert not Hearing(app).is_lost()


def test_messages_that_wait_for_long_tell_that_the_worker_is_deaf(app: Celery) -> None:
    app.send_task("delivery.drain")
    assert _long_ago(Hearing(app)).is_lost()


def test_where_nothing_waits_silence_is_right(app: Celery, server: Redis) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.flushdb()
    assert not _long_ago(Hearing(app)).is_lost()


def test_a_broker_that_is_away_is_no_reason_to_end(app: Celery, server: Redis) -> None:
    app.send_task("delivery.drain")
    with server.hung():
        assert not _long_ago(Hearing(app)).is_lost()


def test_a_deaf_worker_is_ended(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    app.send_task("delivery.drain")
    monkeypatch.setattr(hearing, "DEAF_SECONDS", 0.2)
    monkeypatch.setattr(hearing, "LOOK_SECONDS", 0.05)
    ended = threading.Event()
    hearing.watch(app, end=ended.set)
    assert ended.wait(10)

"""Waking the worker: soon where the broker lives, and never at the cost of the one who asks."""

import socket
import time

import pytest
import redis
from celery import Celery

from delivery.wake import Waker
from portal.celery import configuration
from tests.services import free_port
from tests.services.redis import redis_server
from tests.waiting import until


def queue_over(redis_url: str) -> Celery:
    """The product's queue, over another broker."""
    app = Celery("gatehouse-test", set_as_current=False)
    app.conf.update(configuration(redis_url=redis_url))
    return app


def waiting(redis_url: str) -> int:
    with redis.Redis.from_url(redis_url) as client:
        return int(client.llen("gatehouse"))


def test_a_wish_reaches_a_living_redis() -> None:
    with redis_server() as url:
        Waker(lambda: queue_over(url))()
        until(lambda: waiting(url) == 1, seconds=5)


def test_many_wishes_at_once_become_few_messages() -> None:
    with redis_server() as url:
        wish = Waker(lambda: queue_over(url))
        for _ in range(200):
            wish()
        until(lambda: waiting(url) > 0, seconds=5)
        time.sleep(0.1)
        assert waiting(url) < 20


def test_a_dead_broker_costs_the_one_who_asks_nothing() -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    wish, began = Waker(lambda: queue_over(url)), time.monotonic()
    for _ in range(1_000):
        wish()
    assert time.monotonic() - began < 0.5


def test_a_broker_that_hangs_costs_the_one_who_asks_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        wish, began = Waker(lambda: queue_over(url)), time.monotonic()
        for _ in range(100):
            wish()
        assert time.monotonic() - began < 0.1


def test_a_broker_that_comes_back_is_found_again(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    wish = Waker(lambda: queue_over(url), pause=0.05)
    wish()
    until(lambda: "could not be woken" in caplog.text, seconds=5)
    with redis_server(port=port):
        until(
            lambda: (wish(), waiting(url))[1], seconds=5
        )  # a wish that fails is dropped: the clock repeats it

"""The rate that processes and machines share over Redis."""

import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings
from redis import Redis

from core import ratesharing
from core.buckets import Buckets
from core.ratesharing import Sharing
from tests.services.redis import Redis as Server
from tests.services.redis import redis_machine


class Node:
    """What one process counts."""

    def __init__(self, client: Redis, *, a_minute: int = 60) -> None:
        self.client = client
        self.buckets = Buckets(a_minute, name="people")
        self.sharing = Sharing(self.buckets)

    def call(self, times: int = 1, *, key: str = "ada") -> int:
        """Call so often; how many were let through."""
        return sum(not self.buckets.take(key, now=time.monotonic()).refused for _call in range(times))

    def share(self) -> None:
        """What the thread does four times a second."""
        self.sharing.share(self.client)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Redis that may be hung."""
    with redis_machine() as machine:
        yield machine


@pytest.fixture
def client(server: Server) -> Iterator[Redis]:
    """A client of it, which is empty."""
    with ratesharing.connect(server.url) as made:
        made.flushall()
        yield made


def test_what_one_process_let_through_is_gone_at_the_other(client: Redis) -> None:
    here, there = Node(client), Node(client)
    assert here.call(50) == 50
    here.share()
    assert there.call() == 1  # its own copy was full
    there.share()
    assert there.call(60) == 9


def test_what_was_too_much_is_waited_for(client: Redis) -> None:
    here, there = Node(client), Node(client)
    assert (here.call(100), there.call(100)) == (60, 60)  # at the same moment: one bucket more than there is
    here.share(), there.share()
    rate = there.buckets.take("ada", now=time.monotonic())
    assert rate.refused
    assert (rate.remaining, rate.reset) == (0, 61)
    for _again in range(20):  # and never longer than that
        there.buckets.clear()
        there.call(100)
        there.share()
    assert there.buckets.take("ada", now=time.monotonic()).reset <= 61


def test_calls_made_while_the_answer_is_on_its_way_are_counted(client: Redis) -> None:
    node = Node(client)
    node.call(10)
    taken = node.buckets.taken()
    node.call(5)
    node.buckets.correct("ada", 30.0, now=time.monotonic())
    assert taken == {"ada": 10}
    assert node.call(60) == 25
    assert node.buckets.taken() == {"ada": 30}


def test_people_do_not_share_with_each_other_and_redis_learns_no_name(client: Redis) -> None:
    node = Node(client)
    node.call(60, key="ada")
    node.call(10, key="ben")
    node.share()
    assert node.call(60, key="ben") == 50
    keys = list(client.scan_iter())
    assert len(keys) == 2
    assert not any(name in b"".join(keys) for name in (b"ada", b"ben"))
    assert all(0 < client.ttl(key) <= 120 for key in keys)


def test_more_buckets_than_fit_one_call_are_all_shared(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratesharing, "AT_ONCE", 7)
    here, there = Node(client), Node(client)
    for number in range(20):
        here.call(60, key=str(number))
        there.call(1, key=str(number))
    here.share(), there.share()
    assert sum(there.call(key=str(number)) for number in range(20)) == 0


def test_the_thread_shares_and_outlives_a_redis_that_hangs(server: Server, settings: Settings) -> None:
    settings.REDIS_URL = server.url
    with ratesharing.connect(server.url) as client:
        client.flushall()
        here, there = Node(client), Node(client)
        here.sharing.begin(), there.sharing.begin()

        def noticed(key: str) -> bool:
            """Whether what `here` lets through goes off the bucket that `there` holds, within two seconds."""
            here.call(60, key=key)
            there.call(1, key=key)
            until = time.monotonic() + 3
            while time.monotonic() < until:
                if there.buckets.take(key, now=time.monotonic()).refused:
                    return True
                time.sleep(0.1)
            return False

        assert noticed("before")
        with server.hung():
            began = time.monotonic()
            assert here.call(100, key="meanwhile") == 60
            assert time.monotonic() - began < 0.1
            time.sleep(1.5)  # longer than the thread is patient
            assert here.call(100, key="meanwhile") <= 2  # never without a limit
        assert noticed("after")


def test_without_redis_no_thread_is_begun(settings: Settings) -> None:
    settings.REDIS_URL = ""
    sharing = Sharing(Buckets(60))
    sharing.begin()
    assert sharing._pid == 0

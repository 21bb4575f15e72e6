"""The general rate of the API."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from core import buckets as counting
from core import ratelimit
from core.buckets import Buckets, Rate
from tests.cast import Call


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    """Nobody has called yet."""
    yield
    ratelimit.PEOPLE.clear()
    ratelimit.NETWORKS.clear()


def test_a_bucket_empties_and_fills_again() -> None:
    buckets = Buckets(60)
    rates = [buckets.take("ada", now=100.0) for _call in range(61)]
    assert rates[0] == Rate(limit=60, remaining=59, reset=1)
    assert [one.refused for one in rates] == [False] * 60 + [True]
    assert rates[60] == Rate(limit=60, remaining=0, reset=1, refused=True)
    assert not buckets.take("ben", now=100.0).refused
    assert not buckets.take("ada", now=101.0).refused
    assert buckets.take("ada", now=101.0).refused
    assert buckets.take("ada", now=10_000.0).remaining == 59


def test_the_number_of_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_BUCKETS", 10)
    buckets = Buckets(60)
    for number in range(100):
        buckets.take(f"network {number}", now=1.0)
    assert len(buckets._buckets) == 10


def test_every_answer_says_where_the_caller_stands(api: Call, ada: User) -> None:
    program = api(ada)
    first, second = program.get("me/"), program.get("nothing/")
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("600", "599")
    assert int(first.headers["RateLimit-Reset"]) >= 1
    assert "RateLimit-Limit" in second.headers
    stranger = api(None).get("me/")
    assert (stranger.status_code, stranger.headers["RateLimit-Limit"]) == (401, "300")


def test_who_calls_too_often_is_asked_to_wait(
    api: Call, ada: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratelimit, "PEOPLE", Buckets(3))
    program = api(ada)
    assert [program.get("me/").status_code for _call in range(4)] == [200, 200, 200, 429]
    answer = program.get("me/")
    said = answer.json()
    assert (said["code"], said["retry_after"]) == ("too_many", int(answer.headers["Retry-After"]))
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert api(ben).get("me/").status_code == 200


def test_another_session_is_no_second_allowance(
    api: Call, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratelimit, "PEOPLE", Buckets(2))
    assert [api(ada).get("me/").status_code for _call in range(3)] == [200, 200, 429]


def test_strangers_are_counted_by_their_network(
    api: Call, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratelimit, "NETWORKS", Buckets(2))
    stranger = api(None)
    assert [stranger.get("me/").status_code for _call in range(3)] == [401, 401, 429]
    assert api(ada).get("me/").status_code == 200
    spoofed = stranger.get("me/", **{"X-Forwarded-For": "203.0.113.9"})
    assert spoofed.status_code == 429

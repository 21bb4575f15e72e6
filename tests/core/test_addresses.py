"""Finding the addresses of a server, while the resolver of the system knows no time limit."""

import socket
import threading
from collections.abc import Iterator

import pytest

from core.addresses import addresses_of, is_loopback
from tests.configserver.ldap_stage import timed
from tests.parallel import in_parallel


class Resolver:
    """The system's resolver, in which a test says what is known of names, and which of them hang."""

    def __init__(self) -> None:
        self.asked, self.known, self.over = list[str](), dict[str, list[str]](), threading.Event()
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *, type: int, flags: int) -> list[object]:  # noqa: A002
        if flags:
            return list(self._real(host, port, type=type, flags=flags))
        self.asked.append(host)
        if host not in self.known:
            self.over.wait(10)
        return [one for known in self.known.get(host, []) for one in self._real(known, port, type=type)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.over.set()


def hosts(name: str, *, within: float = 1.0) -> list[str]:
    return [one.host for one in addresses_of(name, 636, kind=socket.SOCK_STREAM, within=within)]


def test_a_number_needs_no_resolver(resolver: Resolver) -> None:
    assert hosts("127.0.0.1") == ["127.0.0.1"]
    assert resolver.asked == []


def test_a_name_is_asked_for_once_in_a_while(resolver: Resolver) -> None:
    resolver.known["once.example"] = ["192.0.2.1", "192.0.2.2"]
    for _ in range(3):
        assert hosts("once.example") == ["192.0.2.1", "192.0.2.2"]
    assert resolver.asked == ["once.example"]


def test_a_name_without_an_address_is_asked_for_again(resolver: Resolver) -> None:
    resolver.known["later.example"] = []
    with pytest.raises(OSError, match="no address"):
        hosts("later.example")
    resolver.known["later.example"] = ["192.0.2.1"]
    assert hosts("later.example") == ["192.0.2.1"]


@pytest.mark.parametrize("name", ["x" * 64 + ".example", ".example", "a..b", "nowhere.invalid"])
def test_what_is_no_name_has_no_address(name: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011  (the system's own words)
        hosts(name, within=5)


def test_a_resolver_that_hangs_holds_nobody_longer_than_he_may_wait(resolver: Resolver) -> None:
    def ask() -> None:
        with pytest.raises(TimeoutError):
            hosts("hung.example", within=0.2)

    _, took = timed(ask)
    assert 0.15 < took < 0.6


def test_however_many_wait_one_thread_asks_for_a_name(resolver: Resolver) -> None:
    def ask(_thread: int) -> None:
        with pytest.raises(TimeoutError):
            hosts("crowded.example", within=0.2)

    in_parallel(10, ask)
    assert resolver.asked == ["crowded.example"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["localhost.example.org", "127.0.0.1.example", "192.0.2.1", "2001:db8::1", ""]
)
def test_no_other_one_is_taken_for_it(host: str) -> None:
    assert not is_loopback(host)

"""Whoever is not the server that a URL names is refused, by every client that we reach PostgreSQL and Redis with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db.utils import ConnectionHandler
from kombu import Connection

from core.ratesharing import connect
from portal import servers
from tests.services.certificates import Certificate
from tests.services.postgres import postgres
from tests.services.redis import redis_machine
from tests.services.secured import secure

PASSWORD = "p@s/s:w#o?r%d+1"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Where the servers are, and an authority that has nothing to do with them."""

    database: str
    redis: str
    trusted: Path
    stranger: Path

    def ask(self, which: str, *, host: str = "localhost", authority: Path | None = None) -> None:
        """Ask one server for a sign of life as the product does; raises what its client raises."""
        url = self.database if which == "postgresql" else self.redis
        url = url.replace("@localhost:", f"@{host}:").replace(
            str(self.trusted), str(authority or self.trusted)
        )
        _ASK[which](url)


def _ask_postgresql(url: str) -> None:
    engine = ConnectionHandler({"default": servers.database(url)})["default"]
    psycopg.connect(**engine.get_connection_params()).close()


def _ask_as_rates(url: str) -> None:
    with connect(servers.redis(url)) as client:
        assert client.ping()


def _ask_as_queue(url: str) -> None:
    with Connection(servers.redis(url), transport_options={"socket_connect_timeout": 2}) as queue:
        queue.ensure_connection(max_retries=1, interval_start=0)


_ASK: dict[str, Callable[[str], None]] = {
    "postgresql": _ask_postgresql,
    "rates": _ask_as_rates,
    "queue": _ask_as_queue,
}
CLIENTS = pytest.mark.parametrize("which", list(_ASK))


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """Both servers, with a certificate for localhost and no other name."""
    folder, elsewhere = tmp_path_factory.mktemp("tls"), tmp_path_factory.mktemp("stranger")
    tls = Certificate.make(folder, hosts=("localhost",))
    stranger = Certificate.make(elsewhere)
    with postgres() as database, redis_machine(tls=tls, password=PASSWORD) as redis:
        yield Reached(
            database=secure(database, tls, password=PASSWORD),
            redis=redis.url,
            trusted=tls.authority,
            stranger=stranger.authority,
        )


@CLIENTS
def test_the_right_server_is_reached(reached: Reached, which: str) -> None:
    reached.ask(which)


@CLIENTS
def test_a_certificate_by_another_authority_is_refused(reached: Reached, which: str) -> None:
    with pytest.raises(Exception, match="certificate verify failed") as refused:
        reached.ask(which, authority=reached.stranger)
    assert not any(word in str(refused.value) for word in (PASSWORD, quote(PASSWORD, safe="")))


@CLIENTS
def test_a_certificate_for_another_host_is_refused(reached: Reached, which: str) -> None:
    with pytest.raises(Exception, match=r"IP address mismatch|does not match host name"):
        reached.ask(which, host="127.0.0.1")


def test_nobody_is_let_in_in_clear(reached: Reached) -> None:
    in_clear = reached.database.partition("?")[0] + "?sslmode=disable"
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        _ask_postgresql(in_clear)
    bare = reached.redis.partition("?")[0].replace("rediss://", "redis://")
    with pytest.raises(Exception, match="Connection"):
        _ask_as_rates(bare)

"""What `DATABASE_URL` and `REDIS_URL` mean, and what is refused before anything starts."""

from pathlib import Path

import pytest
import redis as client
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

from portal import servers

SECRET = "s3cr3t"


def test_credentials_may_hold_any_character() -> None:
    entry = servers.database("postgres://ga%40te:p%3A%2F%40%23%3F%25+w@127.0.0.1:5433/the%20house")
    assert (entry["USER"], entry["PASSWORD"]) == ("ga@te", "p:/@#?%+w")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("127.0.0.1", "5433", "the house")


def test_a_socket_is_named_by_its_folder() -> None:
    entry = servers.database("postgresql://gatehouse@/gatehouse?host=/run/postgresql")
    assert (entry["HOST"], entry["USER"]) == ("/run/postgresql", "gatehouse")
    assert "host" not in entry["OPTIONS"]


def test_the_path_of_sqlite_may_hold_any_character() -> None:
    assert servers.database("sqlite:////a%20b/50%25%3F.sqlite3")["NAME"] == "/a b/50%?.sqlite3"


def test_what_travels_to_another_machine_is_encrypted_unless_the_url_says_otherwise(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    with pytest.raises(ImproperlyConfigured, match="another machine"):
        servers.database("postgres://db.example/gatehouse")
    trusted = servers.database(f"postgres://db.example/gatehouse?sslmode=verify-full&sslrootcert={authority}")
    assert trusted["OPTIONS"]["sslmode"] == "verify-full"
    assert (
        servers.database("postgres://db.example/gatehouse?sslmode=disable")["OPTIONS"]["sslmode"] == "disable"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{SECRET}@host/name",
        f"postgres://u:{SECRET}@127.0.0.1",
        f"postgres://u:{SECRET}@127.0.0.1/a/b",
        f"postgres://u:{SECRET}/x@127.0.0.1/name",
        f"postgres://u:{SECRET}#x@127.0.0.1/name",
        f"postgres://u:{SECRET}?x@127.0.0.1/name",
        f"postgres://u:[{SECRET}@127.0.0.1/name",
        f"postgres://u:{SECRET}@127.0.0.1/name?ssl=true",
        f"postgres://u:{SECRET}@127.0.0.1/name?sslmode=prefer",
        f"postgres://u:{SECRET}@127.0.0.1/name?sslmode=verify-full",
        f"postgres://u:{SECRET}@127.0.0.1/name?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
        f"postgres://u:{SECRET}@127.0.0.1/name?sslmode=require&sslmode=disable",
        f"postgres://u:{SECRET}@127.0.0.1/name?host=/run/postgresql",
        f"postgres://u:{SECRET}@/name",
        f"sqlite://{SECRET}/name",
        "sqlite://:memory:",
        SECRET,
    ],
)
def test_a_wrong_database_url_is_refused_in_a_sentence_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        servers.database(url)
    assert str(refused.value).startswith("DATABASE_URL ")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        f"amqp://u:{SECRET}@host/0",
        f"redis://u:{SECRET}@/0",
        f"redis://u:{SECRET}@host/first",
        f"redis://u:{SECRET}/x@host/0",
        f"redis://u:{SECRET}@host/0?ssl_ca_certs=/nowhere/ca.pem",
        f"rediss://u:{SECRET}@host/0?ssl_ca_certs=/nowhere/ca.pem",
        f"rediss://u:{SECRET}@host/0?ssl_cert_reqs=none",
        f"rediss://u:{SECRET}@host/0?ssl_check_hostname=false",
        SECRET,
    ],
)
def test_a_wrong_redis_url_is_refused_in_a_sentence_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        servers.redis(url)
    assert str(refused.value).startswith("REDIS_URL ")
    assert SECRET not in str(refused.value)


def test_both_clients_of_redis_read_the_same_in_the_url() -> None:
    url = servers.redis("rediss://ga%40te:p%2F%40%23w@redis.example:6380/3")
    ours = client.ConnectionPool.from_url(url).connection_kwargs
    queue = Connection(url)
    assert (ours["username"], ours["password"], ours["host"], ours["port"], ours["db"]) == (
        ("ga@te", "p/@#w", "redis.example", 6380, 3)
    )
    assert (queue.userid, queue.password, queue.hostname, queue.port, queue.virtual_host) == (
        ("ga@te", "p/@#w", "redis.example", 6380, "3")
    )
    assert queue.ssl == {"ssl_cert_reqs": 2, "ssl_check_hostname": True}  # 2: ssl.CERT_REQUIRED
    assert (ours["ssl_cert_reqs"], ours["ssl_check_hostname"]) == ("required", True)


def test_no_redis_is_no_redis() -> None:
    assert servers.redis("") == ""
    assert servers.redis("redis://:pw@host") == "redis://:pw@host/0"

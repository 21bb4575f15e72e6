"""PostgreSQL as it is reached over a network: with TLS alone, by a user who owns one database and is nobody else."""

import os
import shutil
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from tests.services.certificates import Certificate
from tests.services.postgres import Postgres


def secure(server: Postgres, tls: Certificate, *, password: str) -> str:
    """Let `gatehouse` in, over TLS with this password, to a database of that name; its DATABASE_URL. The superuser may still look on."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        [data] = connection.execute("SHOW data_directory").fetchone() or [""]
        _lay_down(tls, Path(data))
        make = sql.SQL("CREATE ROLE gatehouse LOGIN PASSWORD {}").format(sql.Literal(password))
        for statement in (make, "CREATE DATABASE gatehouse OWNER gatehouse", "ALTER SYSTEM SET ssl = on"):
            connection.execute(statement)
        connection.execute("SELECT pg_reload_conf()")
    port = urlsplit(server.url).port
    url = f"postgres://gatehouse:{quote(password, safe='')}@localhost:{port}/gatehouse?sslmode=verify-full&sslrootcert={tls.authority}"
    _wait_until_in_force(url)
    return url


def _lay_down(tls: Certificate, data: Path) -> None:
    for source, name in ((tls.certificate, "server.crt"), (tls.key, "server.key")):
        shutil.copy(source, data / name)
        (data / name).chmod(0o600)
        if os.geteuid() == 0:
            os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
    (data / "pg_hba.conf").write_text(
        "host all postgres 127.0.0.1/32 trust\nhostssl gatehouse gatehouse 127.0.0.1/32 scram-sha-256\n"
    )


def _wait_until_in_force(url: str) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)

"""The database on a PostgreSQL server: dumped by pg_dump, and put back in one transaction."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction
from psycopg import pq
from psycopg.conninfo import make_conninfo

from core.db import unit
from portal.backup.archive import Facts, Unusable
from portal.backup.facts import facts

GONE_WITHIN = 3.0  # seconds; a connection that was closed is there for a moment yet
_SECRET = {"password", "sslpassword"}


def _program(name: str) -> str:
    """The path of a client program that understands this server."""
    path = shutil.which(name)
    if path is None:
        raise Unusable(f"{name} is needed for a backup of PostgreSQL; install the package postgresql-client.")
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.search(r"(\d+)(?:\.\d+)?", told)
    client, server = int(found[1]) if found else 0, connection.pg_version // 10_000  # type: ignore[attr-defined]
    if client < server:
        raise Unusable(
            f"{name} is of version {client} and the server of {server}; install postgresql-client-{server}."
        )
    return path


def _how_to_connect() -> tuple[str, dict[str, str]]:
    """The connection for a command line, and for its environment what nobody else may read."""
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    given = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name in known and value not in (None, "")
    }
    password = given.get("password")
    shown = {name: value for name, value in given.items() if name not in _SECRET}
    return make_conninfo(**shown), os.environ | ({"PGPASSWORD": str(password)} if password else {})


def _ask(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def dump(to: Path) -> Facts:
    """Dump the database as it is at one moment, which the facts are read at, too."""
    program = _program("pg_dump")
    with unit():
        _do("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [[snapshot]] = _ask("SELECT pg_export_snapshot()")
        found = facts(_ask)
        where, environment = _how_to_connect()
        command = [program, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        run = subprocess.run(  # noqa: S603
            [*command, f"--file={to}", f"--dbname={where}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode:
        raise Unusable(f"pg_dump failed: {run.stderr.strip()}")
    return found


def _do(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def draft() -> Path:
    """Where the dump lies while it is put back; what an earlier try left there is removed."""
    path = Path(settings.DATA_DIR) / "restoring"
    path.unlink(missing_ok=True)
    return path


@contextmanager
def replacing(database: Path) -> Iterator[None]:
    """Inside, the product works on what the dump held, in the transaction that ends with this; after an error all is as it was."""
    program = _program("pg_restore")
    _refuse_others()
    transaction.set_autocommit(False)  # not atomic(): a unit of ours refuses to be a part of something else
    try:
        _drop_everything()
        _put_back(program, database)
        yield
        transaction.commit()
    finally:
        connection.close()  # rolls back what was not committed; and the dump changed settings of the session


def _refuse_others() -> None:
    # By the name of the role: of other roles' connections, and of what they call themselves, an ordinary role may see nothing.
    others = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    )
    deadline = time.monotonic() + GONE_WITHIN
    while found := _ask(others):
        if time.monotonic() > deadline:
            raise Unusable(
                f"There are {len(found)} other connections to this database. Stop every node of Gatehouse."
            )
        time.sleep(0.05)


def _drop_everything() -> None:
    # One by one and not the schema: who owns the tables need not own the schema.
    tables = (
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = current_schema()"
    )
    ours = "NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"  # no extension's
    functions = f"SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND {ours}"  # noqa: S608
    for kind, named in (("TABLE", _ask(tables)), ("FUNCTION", _ask(functions))):
        for [name] in named:
            _do(f"DROP {kind} IF EXISTS {name} CASCADE")


def _put_back(program: str, database: Path) -> None:
    # Without a database pg_restore writes what it would do, which we do in our own transaction.
    command = [program, "--no-owner", "--no-privileges", "--no-comments", "--file=-", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:  # noqa: S603
        assert run.stdout is not None  # noqa: S101
        assert run.stderr is not None  # noqa: S101
        _execute(run.stdout)
        said = run.stderr.read().decode(errors="replace").strip()
    if run.returncode:
        raise Unusable(f"pg_restore could not read the dump: {said}")
    _do("RESET search_path")


def _execute(script: IO[bytes]) -> None:
    statements: list[bytes] = []
    with connection.cursor() as cursor:
        for line in script:
            if line.startswith((b"\\restrict ", b"\\unrestrict ")):
                continue  # for psql alone
            statements.append(line)
            if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
                copy = statements.pop()
                _flush(cursor, statements)
                with cursor.copy(copy) as rows:
                    for row in script:
                        if row == b"\\.\n":
                            break
                        rows.write(row)
        _flush(cursor, statements)


def _flush(cursor: Any, statements: list[bytes]) -> None:
    if statements:
        cursor.connection.execute(b"".join(statements))
        statements.clear()

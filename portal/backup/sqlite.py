"""The database as a file: copied while others write, and put back by a rename."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection

from portal.backup.archive import Facts, Unusable
from portal.backup.facts import facts


def dump(to: Path) -> Facts:
    """Copy the database as it is at one moment."""
    connection.ensure_connection()
    to.touch(mode=0o600)
    with closing(sqlite3.connect(to)) as copy:
        connection.connection.backup(copy)  # in one step: a snapshot, beside which others go on writing
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole
        return facts(lambda statement: copy.execute(statement).fetchall())


def draft() -> Path:
    """Where a database to be put back is made ready; what an earlier try left there is removed."""
    path = Path(str(connection.settings_dict["NAME"]) + ".restoring")
    for one in _files(path):
        one.unlink(missing_ok=True)
    return path


def _files(path: Path) -> list[Path]:
    return [Path(f"{path}{ending}") for ending in ("", "-wal", "-shm", "-journal")]


@contextmanager
def replacing(database: Path) -> Iterator[None]:
    """Inside, the product works on `database`; at the end that takes the old one's place. After an error the old one is as it was."""
    with closing(sqlite3.connect(database)) as new:
        if new.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise Unusable("The database in this archive was damaged before it was backed up.")
    connection.close()
    old = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = str(database)
    try:
        yield
        connection.close()
        _into_one_file(database)
        _put_out_of_the_way(Path(old))
        database.replace(old)
        _sync(Path(old).parent)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = old
        for one in _files(database):
            one.unlink(missing_ok=True)


def _into_one_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    _sync(path)


def _put_out_of_the_way(path: Path) -> None:
    """Leave no log of the old database, for SQLite would apply it to the new one."""
    if not path.exists():
        return
    try:
        _into_one_file(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise Unusable("Another process uses the database.") from error
    for one in _files(path)[1:]:  # left where the old one was damaged
        one.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What must be true before the first request: checks pass, the database is migrated and ours, static files, translations, demo data."""

import hashlib
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import User
from accounts.signing_keys import ensure_keys
from audit import rootkeys
from cobrowse.validity import compare_all
from portal import translations

MIGRATING = 0x6D69_6772  # advisory lock on PostgreSQL


def everything(*, pages: bool = True) -> None:
    """Do what is missing, and nothing twice; without `pages` no static files."""
    fresh = database()
    ensure_keys(now=timezone.now())
    if pages:
        _collect_static_files()
    if settings.DEMO:
        _load_demo(fresh=fresh)
    elif not User.objects.exists():
        sys.stdout.write(
            "Nobody can sign in yet. Make the first administrator: manage.py administrator EMAIL\n"
        )
    compare_all(now=timezone.now())  # what is amiss stands in the log of this start


def database() -> bool:
    """Check the settings, bring the database up to date, and see that it is ours; whether it was empty before."""
    translations.compile_into(Path(settings.DATA_DIR) / "locale")
    call_command("check", stdout=io.StringIO())  # findings go to stderr; that there are none is no news
    fresh = _migrate()
    rootkeys.claim()
    return fresh


def demo_password_file() -> Path:
    """Where the demo people's password lies."""
    return Path(settings.DATA_DIR) / "demo-password.txt"


def demo_key_file() -> Path:
    """Where the private key of the demo's integration lies, to sign tokens with."""
    return Path(settings.DATA_DIR) / "demo-integration.pem"


def _migrate() -> bool:
    """Bring the database up to date; whether it was empty before.

    A database that is newer than this code is left as it is: while an upgrade goes from node to node, the old ones still serve.
    """
    if not _pending(MigrationExecutor(connection)):
        return False
    with _one_node_at_a_time():
        executor = MigrationExecutor(connection)
        if _pending(executor):
            call_command("migrate", interactive=False, verbosity=0)
        return not executor.loader.applied_migrations


def _pending(executor: MigrationExecutor) -> bool:
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _one_node_at_a_time() -> Iterator[None]:
    """Of nodes that start at the same moment on one PostgreSQL one goes on and the others wait; on SQLite there is only one node."""
    if connection.vendor != "postgresql":
        yield
        return
    # A connection of its own: the lock belongs to its session and ends with it, however this process ends.
    holder = connection.copy()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATING])
            if cursor.fetchone() != (True,):
                sys.stdout.write("Another node brings the database up to date; waiting for it.\n")
                sys.stdout.flush()
                cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
            yield
    finally:
        holder.close()


def _load_demo(*, fresh: bool) -> None:
    # The stamp comes last: what a crash left half-done is completed at the next start.
    stamp = Path(settings.DATA_DIR) / "demo.stamp"
    if fresh or not stamp.exists():
        call_command("demo")
        stamp.touch()


def _collect_static_files() -> None:
    stamp = Path(settings.DATA_DIR) / "static.stamp"
    found = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == found:
        return
    call_command(
        "collectstatic", interactive=False, verbosity=0, clear=Path(str(settings.STATIC_ROOT)).exists()
    )
    stamp.write_text(found)


def _static_fingerprint() -> str:
    """Changes with any source file of the static files: its name, its size, its time."""
    seen = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            seen.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return seen.hexdigest()

"""What must be true before the first request: checks pass, database migrated, static files ready, demo data loaded."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

DEMO_PEOPLE = ("ada@acme.example", "ben@acme.example", "cleo@globex.example")


def everything() -> None:
    """Do what is missing, and nothing twice."""
    call_command("check")
    _migrate()
    _collect_static_files()
    if settings.DEMO and not demo_password_file().exists():
        call_command("demo")


def demo_password_file() -> Path:
    """Where the demo people's password lies."""
    return Path(settings.DATA_DIR) / "demo-password.txt"


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def _collect_static_files() -> None:
    stamp = Path(settings.DATA_DIR) / "static.stamp"
    found = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == found:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=Path(settings.STATIC_ROOT).exists())
    stamp.write_text(found)


def _static_fingerprint() -> str:
    """Changes with any source file of the static files: its name, its size, its time."""
    seen = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            seen.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return seen.hexdigest()

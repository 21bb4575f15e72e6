"""`manage.py backup FILE`: the whole database in one archive, taken while the product runs."""

import os
import signal
import sqlite3
import sys
import tempfile
from argparse import ArgumentParser
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from audit import rootkeys
from core import crypto, seen
from portal.backup import postgresql, sqlite
from portal.backup.archive import FORMAT, Manifest, Unusable, digest_of, write
from portal.commandline import reason
from portal.version import version


class Command(BaseCommand):
    """Writes an archive."""

    help = "Write a backup of the database to FILE; - writes it to the standard output. The root keys are not in it."
    requires_system_checks: list[str] = []  # it serves nothing

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("file", help="A new file, or - for the standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Dump, then write the archive to a draft, then give it its name."""
        os.umask(0o077)
        # Ended as usual, it would leave the drafts behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        target = None if options["file"] == "-" else Path(options["file"]).absolute()
        if target is not None and target.exists():
            raise CommandError(f"{target} is there already; a backup overwrites nothing.")
        folder = Path(settings.DATA_DIR) if target is None else target.parent
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        try:
            with tempfile.TemporaryDirectory(prefix=".gatehouse-backup-", dir=folder) as drafts:
                manifest = self._make(Path(drafts), target)
        except Unusable as unusable:
            raise CommandError(str(unusable)) from unusable
        except (OSError, DatabaseError, sqlite3.Error) as error:
            raise CommandError(f"The backup could not be written: {reason(error)}.") from error
        with suppress(DatabaseError):  # the archive is there
            seen.note(seen.BACKUP, now=timezone.now())
        made = f"{manifest.size} bytes of {manifest.engine}, {manifest.facts.audit_events} audit events, head {manifest.facts.audit_head}"
        self.stderr.write(
            f"backup made: {made}\n"
            f"The root keys are not in it. Without {', '.join(manifest.keys)} of FIELD_KEYS it cannot be restored: keep them apart from it."
        )

    def _make(self, drafts: Path, target: Path | None) -> Manifest:
        now, database = timezone.now(), drafts / "database"
        rootkeys.refuse_others()  # the manifest promises that these keys open it
        facts = (sqlite if connection.vendor == "sqlite" else postgresql).dump(database)
        manifest = Manifest(
            format=FORMAT,
            product=version(),
            created_at=now.astimezone(UTC).isoformat(timespec="seconds"),
            engine=connection.vendor,
            keys=crypto.live_key_ids(),
            facts=facts,
            size=database.stat().st_size,
            sha256=digest_of(database),
        )
        if target is None:
            write(manifest, database, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return manifest
        draft = drafts / "archive"
        with draft.open("xb") as file:
            write(manifest, database, file)
            _sync(file)
        os.link(draft, target)  # refuses to overwrite what somebody put there meanwhile
        return manifest


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())

"""`manage.py restore FILE`: put a backup back, whole or not at all."""

import os
import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from accounts.models import User
from audit import rootkeys
from audit.models import AuditEvent
from audit.record import head
from audit.verify import verify
from core import epoch
from portal.alone import alone
from portal.backup import postgresql, sqlite
from portal.backup.aftermath import Replaced, end_what_was_under_way
from portal.backup.archive import Manifest, Unusable, copy_database, read_manifest
from portal.commandline import reason


class Command(BaseCommand):
    """Puts an archive back."""

    requires_system_checks: list[str] = []  # it serves nothing
    help = "Put a backup back. Everybody has to sign in again; what happened after the backup is gone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """From where, and whether people may be lost."""
        parser.add_argument("file")
        parser.add_argument(
            "--replace", action="store_true", help="Replace a database that has people in it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check everything, then restore beside what is there, then swap."""
        os.umask(0o077)
        engine = sqlite if connection.vendor == "sqlite" else postgresql
        serves = Unusable(f"`serve` runs on {settings.DATA_DIR}. Stop it first.")
        try:
            with alone(refusal=serves), Path(options["file"]).open("rb") as file:
                manifest = read_manifest(file)
                self._refuse_unfit(manifest)
                replaced = self._replaced(may_replace=options["replace"])
                draft = engine.draft()
                try:
                    copy_database(manifest, file, draft)
                    with engine.replacing(draft):
                        self._finish(manifest, replaced)
                finally:
                    draft.unlink(missing_ok=True)
        except (Unusable, ImproperlyConfigured) as unfit:
            raise CommandError(f"{unfit} Nothing was changed.") from unfit
        except (OSError, DatabaseError, sqlite3.Error) as error:
            raise CommandError(f"{reason(error)}. Nothing was changed.") from error
        self.stdout.write(
            "Restored. Locks, passwords, people and rights are those of that moment: what was changed since has to be changed again."
        )

    def _refuse_unfit(self, manifest: Manifest) -> None:
        if manifest.engine != connection.vendor:
            raise Unusable(
                f"This is a backup of {manifest.engine}, and DATABASE_URL names {connection.vendor}."
            )
        known = MigrationLoader(None).disk_migrations
        newer = [f"{app}.{name}" for app, name in manifest.facts.migrations if (app, name) not in known]
        if newer:
            raise Unusable(
                f"This backup was made by a newer version ({manifest.product}, {newer[0]}). Install that version first."
            )

    def _replaced(self, *, may_replace: bool) -> Replaced:
        try:
            tables = connection.introspection.table_names()
            has_people = User._meta.db_table in tables and User.objects.exists()
            if has_people and not may_replace:
                raise Unusable(
                    "There are people in this database. To lose them and everything else there, add --replace."
                )
            if AuditEvent._meta.db_table not in tables:
                return Replaced()
            events = AuditEvent.objects.count()
            return Replaced(version=epoch.stored(), audit_events=events, audit_head=head())
        except DatabaseError as error:
            if connection.vendor != "sqlite" or not may_replace:
                raise Unusable(
                    f"The database cannot be read ({reason(error)}). On SQLite, --replace replaces it."
                ) from error
            return Replaced()

    def _finish(self, manifest: Manifest, replaced: Replaced) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        rootkeys.claim(vouched=True)  # the manifest was made under them
        if head() != manifest.facts.audit_head:
            raise Unusable("The audit trail does not end where the manifest says.")
        verdict = verify()
        if verdict.broken_at is not None:
            self.stderr.write(f"audit trail: broken at event {verdict.broken_at}: {verdict.reason}")
        ended = end_what_was_under_way(made_at=manifest.created_at, replaced=replaced, now=timezone.now())
        self.stdout.write(
            f"backup of {manifest.created_at}: {verdict.rows} audit events. Ended: {ended.sessions} sessions, "
            f"{ended.cobrowse_sessions} co-browse sessions, {ended.sign_ins} sign-ins under way, {ended.codes} codes, "
            f"{ended.join_links} join links, {ended.signing_keys} signing keys; {ended.browsers} browsers are not remembered any more; "
            f"{ended.deliveries} mails are not sent."
        )

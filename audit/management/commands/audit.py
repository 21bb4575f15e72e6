"""`manage.py audit verify` and `manage.py audit prune --days N`."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit.rootkeys import refuse_others
from audit.verify import prune, verify
from core import seen


class Command(BaseCommand):
    """Checks the audit trail, or prunes it."""

    help = "Check the chain of audit events, or delete old ones behind a signed anchor."
    requires_system_checks: list[str] = []  # it serves nothing

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command: verify or prune."""
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("verify", help="Walk the whole chain; exit status 1 when a row does not fit.")
        pruning = commands.add_parser("prune", help="Delete events older than a number of days.")
        pruning.add_argument("--days", type=int, required=True, help="Keep this many days (at least 30).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command."""
        if options["command"] == "prune":
            self._prune(days=options["days"])
        else:
            self._verify()

    def _verify(self) -> None:
        verdict = verify()
        if verdict.broken_at is not None:
            raise CommandError(f"broken at event {verdict.broken_at}: {verdict.reason}{_why()}", returncode=1)
        seen.note(seen.VERIFICATION, now=timezone.now())
        # Kept elsewhere, the head also shows when rows are cut off at the end.
        self.stdout.write(f"intact: {verdict.rows} events, head {verdict.head}")

    def _prune(self, *, days: int) -> None:
        if days < 30:
            raise CommandError("Keep at least 30 days.")
        refuse_others()  # the anchor would be signed under a key that no other node has
        now = timezone.now()
        self.stdout.write(f"deleted {prune(before=now - timedelta(days=days), now=now)} events")


def _why() -> str:
    try:
        refuse_others(vouched=True)
    except ImproperlyConfigured as error:
        return f". {error}"
    return ""

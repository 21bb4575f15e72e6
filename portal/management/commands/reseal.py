"""`manage.py reseal`: after a new key was put in front of FIELD_KEYS, bring under it what can be brought, and say what cannot."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.limits import carry_counters
from audit import rootkeys
from audit.verify import Verdict, cover, verify
from core import crypto
from core.reseal import reseal
from core.sealed import sealed_fields
from portal import rotation


def _told(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class Command(BaseCommand):
    """Rotates; may be stopped at any point and run again."""

    help = "Seal everything anew under the first key of FIELD_KEYS, and say when the others can be removed."
    requires_system_checks: list[str] = []  # it serves nothing

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Only look, if so asked."""
        parser.add_argument(
            "--dry-run", action="store_true", help="Open every value and count; write nothing."
        )
        parser.add_argument(
            "--keys-are-lost",
            action="store_true",
            help="The keys of this database are gone for good: go on with those in FIELD_KEYS, and see what is lost.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through sealed columns, counters and the trail."""
        active, *older = crypto.live_key_ids()
        if options["keys_are_lost"] and options["dry_run"]:
            raise CommandError("Either --dry-run or --keys-are-lost.")
        if options["keys_are_lost"]:
            rootkeys.begin_anew()
        elif options["dry_run"]:
            rootkeys.refuse_others()
        else:
            rootkeys.claim()
        self.stdout.write(f"active key: {active}; also live: {', '.join(older) or 'none'}")
        dry_run, now = options["dry_run"], timezone.now()
        wrong = self._columns(dry_run=dry_run)
        if not dry_run:
            self.stdout.write(f"counters of tries: {carry_counters(now=now)} carried over")
        verdict = verify() if dry_run else cover(now=now)
        wrong += self._trail(verdict, dry_run=dry_run)
        if older:
            self._older(", ".join(older), is_needed=bool(wrong) or dry_run, now=now)
        if not wrong and not dry_run:
            rootkeys.forget_removed()
        if wrong:
            raise CommandError("\n".join(wrong), returncode=1)

    def _columns(self, *, dry_run: bool) -> list[str]:
        wrong = []
        for column in sealed_fields():
            for told in reseal(column, dry_run=dry_run):
                self.stdout.write(
                    f"{told.column}: {told.resealed} of {told.waiting} {'would be ' if dry_run else ''}sealed anew"
                )
                self.stdout.flush()
            if told.stuck:
                more = told.stuck - len(told.named)
                wrong += told.named + ([f"{told.column}: and {more} more rows"] if more else [])
        return wrong

    def _trail(self, verdict: Verdict, *, dry_run: bool) -> list[str]:
        if verdict.broken_at is not None:
            where = f"audit trail: broken at event {verdict.broken_at}: {verdict.reason}."
            return [f"{where} No mark was made over it, so the older keys are needed to check it."]
        state = "needs no older key"
        if verdict.needs_older_key:
            state = (
                "needs an older key"
                if dry_run
                else f"a mark under the active key covers it up to event {verdict.last}"
            )
        self.stdout.write(f"audit trail: intact, {verdict.rows} events; {state}")
        return []

    def _older(self, older: str, *, is_needed: bool, now: datetime) -> None:
        since = rotation.rotated_at(now=now)
        found = rotation.hanging(since=since, now=now)
        for one in found:
            self.stdout.write(
                f"made under {older}: {one.count} {one.what}, until {_told(one.until)} at the latest"
            )
        if known := rotation.browsers(since=since, now=now):
            self.stdout.write(
                f"made under {older}: {known} known browsers; without it each is a stranger at its next sign-in, and asks for a code again"
            )
        if is_needed:
            self.stdout.write(f"{older}: still needed")
        elif found:
            last = max(one.until for one in found)
            self.stdout.write(f"{older} can be removed after {_told(last)} without ending a session")
        else:
            self.stdout.write(f"{older} can be removed now without ending a session")

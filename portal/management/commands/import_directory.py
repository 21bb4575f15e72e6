"""`manage.py import_directory NAME`: bring the people of an LDAP directory here, and keep them as they are there."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit import rootkeys
from configserver import services
from configserver.models import Directory, Import, ImportState
from core.outcomes import Denied
from tenants.actor import system_actor

MOST_SHOWN = 20  # of each kind
MARKS = {"create": "+", "change": "~", "off": "-", "conflict": "!"}


class Command(BaseCommand):
    """Reads a directory, prints what differs, and applies it."""

    help = (
        "Import people from an LDAP directory: what differs is printed and applied. One that was interrupted goes on where it stopped. "
        "Ends with 1 when it is refused, fails, or would change more people than the directory allows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which directory, and how far to go."""
        parser.add_argument("name", metavar="NAME", help="The directory.")
        parser.add_argument("--dry-run", action="store_true", help="Print what differs; change nothing.")
        parser.add_argument(
            "--changed",
            action="store_true",
            help="Read only what changed since the last import; who is gone from the directory is not found so.",
        )
        parser.add_argument(
            "--even-if-many",
            action="store_true",
            help="Apply it also when it changes more people than the directory allows.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Go on with what was interrupted, or read, print and apply."""
        directory = Directory.objects.filter(name=options["name"]).first()
        if directory is None:
            raise CommandError(f"There is no directory {options['name']}.")
        rootkeys.claim()
        run = services.unfinished(directory)
        if run is not None:
            self.stdout.write(f"The import of {run.began_at:%Y-%m-%d %H:%M} goes on.")
        else:
            run = self._planned(directory, whole=not options["changed"])
        self._tell(run)
        if options["dry_run"]:
            self.stdout.write("Nothing was changed.")
            return
        self._apply(run, even_if_stopped=options["even_if_many"])

    def _planned(self, directory: Directory, *, whole: bool) -> Import:
        run = services.plan_import(
            directory,
            whole=whole,
            by=system_actor(),
            now=timezone.now(),
            progress=lambda read: self._progress(f"{read} entries read"),
        )
        if isinstance(run, Denied):
            raise CommandError(str(run.message))
        if run.state == ImportState.FAILED:
            raise CommandError(f"The directory cannot be read: {run.reason}")
        return run

    def _tell(self, run: Import) -> None:
        for action, mark in MARKS.items():
            steps = run.steps.filter(action=action)
            for step in steps[:MOST_SHOWN]:
                fields = ", ".join(sorted(step.values)) if action == "change" else step.why
                self.stdout.write(f"{mark} {step.name or step.ref}{f': {fields}' if fields else ''}")
            if (more := steps.count() - MOST_SHOWN) > 0:
                self.stdout.write(f"{mark} and {more} more")
        found = services.summary_of(run)
        self.stdout.write(
            f"{found.read} read: {found.created} new, {found.changed} changed, {found.off} gone, {found.conflicts} left alone."
        )

    def _apply(self, run: Import, *, even_if_stopped: bool) -> None:
        if run.state == ImportState.STOPPED and not even_if_stopped:
            raise CommandError(
                f"Stopped: this would change more than {run.directory.import_percent} % of the people that it brought. Nothing was changed."
            )
        done = services.apply_import(
            run,
            by=system_actor(),
            now=timezone.now(),
            even_if_stopped=even_if_stopped,
            progress=lambda left: self._progress(f"{left} left"),
        )
        if isinstance(done, Denied):
            raise CommandError(str(done.message))
        if done.state != ImportState.DONE:
            raise CommandError(f"It was not finished: {done.reason}")
        self.stdout.write("Done.")

    def _progress(self, text: str) -> None:
        # On standard error, so that what differs can be kept in a file.
        self.stderr.write(text)

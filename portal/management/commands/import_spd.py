"""`manage.py import_spd FILE`: look at a role package, apply it, or roll one back, as the installation itself."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit import rootkeys
from configserver import services
from configserver.models import SolutionPackage
from configserver.package_words import told
from configserver.services import Plan
from configserver.spd import LONGEST, Difference
from core.outcomes import Denied
from tenants.actor import system_actor

STATES = {"new": "+ role", "changed": "~ role", "removed": "- role", "taken_over": "= role"}
TAKEN_OVER = "belongs to the package from then on"


def lines(difference: Difference) -> Iterator[str]:
    """The difference as text, one role after the other."""
    for one in told(difference):
        rank = f", rank {one.rank}" if one.rank else ""
        owner = f", {TAKEN_OVER}" if one.name in difference.taken_over else ""
        yield f"{STATES[one.state]} {one.name}{rank}{owner}"
        if one.description:
            yield f"    description: {one.description}"
        yield from (f"    + {right}" for right in one.gained)
        yield from (f"    - {right}" for right in one.lost)


class Command(BaseCommand):
    """Applies a role package, or rolls one back, and prints the difference."""

    help = "Apply a role package (SPD). The difference is printed; with --dry-run nothing is changed. Ends with 1 when it is refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which package, and whether it is only looked at."""
        parser.add_argument("file", nargs="?", metavar="FILE", help="The package, an XML file.")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Print the difference and what stands in the way; change nothing.",
        )
        parser.add_argument(
            "--rollback", metavar="NAME", help="Roll back the version of this package that was applied last."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and do it unless it is only to be looked at."""
        if (options["file"] is None) == (options["rollback"] is None):
            raise CommandError("Give either FILE or --rollback NAME.")
        if options["dry_run"]:
            rootkeys.refuse_others()
        else:
            rootkeys.claim()
        if options["file"] is not None:
            self._apply(_read(Path(options["file"])), dry_run=options["dry_run"])
        else:
            self._roll_back(options["rollback"], dry_run=options["dry_run"])

    def _apply(self, data: bytes, *, dry_run: bool) -> None:
        by = system_actor()
        plan = self._told(services.plan_package(data, by=by))
        if dry_run:
            self.stdout.write(f"{plan.name} {plan.version} can be applied. Nothing was changed.")
            return
        done = services.apply_package(data, by=by, now=timezone.now(), seen=plan.seen)
        if isinstance(done, Denied):
            raise CommandError(str(done.message))
        self.stdout.write(f"{done} is applied.")

    def _roll_back(self, name: str, *, dry_run: bool) -> None:
        by = system_actor()
        package = SolutionPackage.objects.filter(name=name, rolled_back_at=None).order_by("-pk").first()
        if package is None:
            raise CommandError(f"No version of {name} is applied.")
        plan = self._told(services.plan_roll_back(package, by=by))
        if dry_run:
            self.stdout.write(f"{package} can be rolled back. Nothing was changed.")
            return
        done = services.roll_back_package(package, by=by, now=timezone.now(), seen=plan.seen)
        if isinstance(done, Denied):
            raise CommandError(str(done.message))
        self.stdout.write(f"{done} is rolled back.")

    def _told(self, plan: Plan | Denied) -> Plan:
        """The plan, printed; raises CommandError where something stands in the way."""
        if isinstance(plan, Denied):
            raise CommandError(str(plan.message))
        for line in lines(plan.difference):
            self.stdout.write(line)
        if plan.difference.is_empty and not plan.difference.taken_over:
            self.stdout.write("No role changes.")
        if plan.passed_over:
            self.stdout.write(f"Steps of the file that are not carried out: {plan.passed_over}.")
        if plan.refusal is not None:
            raise CommandError(str(plan.refusal.message))
        return plan


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST + 1)  # one more, so that a longer one is seen to be
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error

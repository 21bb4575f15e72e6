"""`script/bench`: measures the rows asked for, shows them, and keeps them under var/bench/."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, report
from bench.doors import COMMANDS
from bench.mailbox import mailbox
from bench.measure import NothingDoneError
from bench.report import Result
from bench.rows import ROWS, Bed, Row
from bench.rows.base import BOTH
from bench.servers import ROOT, backing, forget_environment, missing

LONGEST_SECONDS = 20.0


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of: {', '.join(row.name for row in ROWS)}")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seconds", type=float, default=1.5, help="of load in each round (default 1.5)")
    parser.add_argument("--rounds", type=int, default=3, help="by turns with the control (default 3)")
    parser.add_argument(
        "--server", default="", choices=("", *COMMANDS), help="in front of the product, in place of its own"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="instead of var/bench/<time>.json")
    parser.add_argument(
        "--markdown", action="store_true", help="print the table as docs/performance.md has it"
    )
    options = parser.parse_args(given)
    unknown = set(options.rows) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    options.seconds = min(max(options.seconds, 0.5), LONGEST_SECONDS)
    options.rounds = min(max(options.rounds, 1), 9)
    return options


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _measure(
    rows: list[Row], name: str, options: argparse.Namespace, versions: list[str], failed: list[str]
) -> Iterator[Result]:
    with ExitStack() as stack:
        box, on = stack.enter_context(mailbox()), stack.enter_context(backing(name))
        versions.append(on.version)
        bed = Bed(
            on=on, box=box, stack=stack, seconds=options.seconds, rounds=options.rounds, behind=options.server
        )
        for row in (row for row in rows if name in row.databases):
            try:
                for line in row.measure(bed):
                    _say(report.table([line]).partition("\n")[2])
                    yield line
            except (NothingDoneError, OSError, RuntimeError, subprocess.SubprocessError) as error:
                failed.append(f"{row.name} on {name}: {type(error).__name__}: {error}")
                _say(failed[-1])


def _databases(asked: str, rows: list[Row]) -> list[str]:
    """Where the rows are measured: what was asked for, means something to one of them, and is installed."""
    found = [name for name in BOTH if asked in {name, "both"} and any(name in row.databases for row in rows)]
    for name in found:
        if lacking := missing(name):
            _say(f"Left out: {name}, which needs {lacking}.")
    return [name for name in found if not missing(name)]


def main(given: list[str]) -> int:
    """Measure, show and keep; 0 also when a budget is missed, for it may be the machine, and 1 when a row could not be measured."""
    options = _arguments(given)
    forget_environment()
    rows = [row for row in ROWS if (row.name in options.rows if options.rows else row.usual)]
    databases = _databases(options.database, rows)
    versions, failed = list[str](), list[str]()
    facts = machine.facts(versions)  # the load before ours
    results = [line for name in databases for line in _measure(rows, name, options, versions, failed)]
    servers = [line for line in results if line.row == "servers"]
    if rest := [line for line in results if line.row != "servers"]:
        print(report.markdown(rest, facts) if options.markdown else report.table(rest))
    if servers:
        print(report.matrix(servers))
    kept = options.json or ROOT / "var" / "bench" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(report.as_json(results, facts), encoding="utf-8")
    _say(f"Kept in {kept}")
    for reason in failed:
        _say(f"Not measured: {reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Results as a table for the terminal, as a table for the documentation, and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Result:
    """One figure beside its control and its budget."""

    row: str  # the name it is asked for by
    what: str
    on: str  # the database, or the server
    value: float
    unit: str
    control: float | None = None
    budget: float | None = None
    at_least: bool = False  # the budget is a floor, not a ceiling
    apart: str = ""  # what is told apart from the figure, such as the worker's part
    note: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the budget holds; None when there is none."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget


HEADINGS = ("what", "on", "figure", "control", "apart from it", "budget", "")


def number(value: float) -> str:
    """Three figures, no more: the machine is not steadier than that."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cells(result: Result) -> tuple[str, ...]:
    """One line of the table."""
    sign = "≥" if result.at_least else "≤"
    return (
        result.what,
        result.on,
        f"{number(result.value)} {result.unit}",
        "–" if result.control is None else number(result.control),
        result.apart or "–",
        "–" if result.budget is None else f"{sign} {result.budget:g}",
        {True: "met", False: "MISSED", None: ""}[result.met],
    )


def table(results: Sequence[Result]) -> str:
    """For a terminal: columns in line, notes below the line they are about."""
    lines = [HEADINGS, *(cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    shown = []
    for place, line in enumerate(lines):
        shown.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if place and results[place - 1].note:
            shown.append(f"    {results[place - 1].note}")
    return "\n".join(shown)


def markdown(results: Sequence[Result], facts: dict[str, Any]) -> str:
    """The same for the page: the machine, then the table, then the notes."""
    lines = [facts_line(facts), "", "| " + " | ".join(heading or "met?" for heading in HEADINGS) + " |"]
    lines.append("| " + " | ".join("---" for _ in HEADINGS) + " |")
    notes: list[str] = []
    for result in results:
        line = list(cells(result))
        line[-1] = {"MISSED": "**missed**", "": "–"}.get(line[-1], line[-1])
        if result.note:
            if result.note not in notes:
                notes.append(result.note)
            line[0] += f" ({notes.index(result.note) + 1})"
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |")
    return "\n".join([*lines, "", *(f"({place}) {note}" for place, note in enumerate(notes, 1))]).rstrip()


def matrix(results: Sequence[Result]) -> str:
    """One line for each server, one column for each thing measured, as docs/designs/server.md has it; × is times the control."""
    columns = list(dict.fromkeys(result.what for result in results))
    lines = ["| server | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for server in dict.fromkeys(result.on for result in results):
        found = {result.what: result for result in results if result.on == server}
        shown = [_with_latency(found[column]) if column in found else "–" for column in columns]
        lines.append(f"| {server} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def _with_latency(result: Result) -> str:
    if result.unit != "CPU-ms":
        return (
            "nobody is answered"
            if result.raw.get("answers") == 0
            else f"{number(result.value)} {result.unit}"
        )
    times = f" ({result.raw['ratio']:.2f}×)" if "ratio" in result.raw else ""
    return f"{number(result.value)} CPU-ms{times}; {result.apart}"


def facts_line(facts: dict[str, Any]) -> str:
    """The machine in one sentence."""
    databases = "; ".join(facts["databases"])
    return (
        f"{facts['date'][:10]} · commit {facts['commit']} · {facts['cores']} cores, {facts['memory_gib']} GiB, Linux {facts['kernel']}, "
        f"Python {facts['python']} · {databases} · load average before it {facts['load_average']}"
    )


def as_json(results: Iterable[Result], facts: dict[str, Any]) -> str:
    """Everything, raw samples included."""
    rows = [asdict(result) | {"met": result.met} for result in results]
    return json.dumps({"machine": facts, "rows": rows}, indent=1, ensure_ascii=False)

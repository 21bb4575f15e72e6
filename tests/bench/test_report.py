"""The table says what was measured, beside what was promised, and does not hide what was missed."""

import json

from bench.report import Result, as_json, markdown, matrix, table

FACTS = {
    "date": "2026-11-22T04:00:00+00:00",
    "commit": "abc1234",
    "cores": 2,
    "memory_gib": 24,
    "kernel": "6.1",
    "python": "3.11.7",
    "databases": ["SQLite 3.40.1"],
    "load_average": "0.1, 0.1, 0.1",
}


def result(value: float, **more: object) -> Result:
    given = {"row": "me", "what": "me", "on": "sqlite", "unit": "CPU-ms", "value": value, **more}
    return Result(**given)  # type: ignore[arg-type]


def test_a_budget_is_a_ceiling_or_a_floor() -> None:
    assert (result(0.8, budget=0.8).met, result(0.81, budget=0.8).met) == (True, False)
    assert (result(20, budget=20, at_least=True).met, result(19, budget=20, at_least=True).met) == (
        True,
        False,
    )
    assert result(5).met is None


def test_the_table_has_figure_control_budget_and_verdict_in_one_line() -> None:
    shown = table([result(1.234, control=0.987, budget=0.8, note="because")]).splitlines()
    assert shown[1].split() == ["me", "sqlite", "1.23", "CPU-ms", "0.99", "–", "≤", "0.8", "MISSED"]
    assert shown[2].strip() == "because"


def test_a_round_budget_keeps_its_zeros() -> None:
    assert "≤ 350" in table([result(324, budget=350)])


def test_the_page_names_the_machine_and_marks_what_is_missed() -> None:
    shown = markdown([result(324, budget=350, note="a note"), result(9, budget=1, note="a note")], FACTS)
    assert shown.startswith(
        "2026-11-22 · commit abc1234 · 2 cores, 24 GiB, Linux 6.1, Python 3.11.7 · SQLite"
    )
    assert "| me (1) | sqlite | 324 CPU-ms | – | – | ≤ 350 | met |" in shown
    assert "**missed**" in shown
    assert shown.count("a note") == 1


def test_servers_stand_beside_each_other() -> None:
    lines = [
        result(0.9, what="empty", on="one", apart="p99 3 ms", raw={"ratio": 0.5}),
        result(2000, what="slow", on="one", unit="ms p99", raw={"answers": 0}),
        result(0.5, what="empty", on="two", apart="p99 4 ms"),
    ]
    assert matrix(lines).splitlines()[2:] == [
        "| one | 0.90 CPU-ms (0.50×); p99 3 ms | nobody is answered |",
        "| two | 0.50 CPU-ms; p99 4 ms | – |",
    ]


def test_the_file_holds_the_raw_samples_and_the_verdict() -> None:
    kept = json.loads(as_json([result(2, budget=1, raw={"runs": [1, 2, 3]})], FACTS))
    assert kept["machine"]["commit"] == "abc1234"
    assert (kept["rows"][0]["met"], kept["rows"][0]["raw"]) == (False, {"runs": [1, 2, 3]})

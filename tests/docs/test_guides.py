"""What the documents say that a machine can check: tables, names, numbers, paths, links."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import translation

from audit.counted import WATCHED
from audit.events import Event
from core.options import declared
from core.throttle import Limit
from portal.api import STATUS, v1
from portal.metrics import COMMANDS, OUTCOMES
from tests.docs import tables

ROOT = tables.DOCS.parent
DOCUMENTS = sorted([ROOT / "README.md", *tables.DOCS.rglob("*.md")])
_QUOTED = re.compile(r"`([^`\n]+)`")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize("name", tables.BLOCKS)
def test_a_table_that_is_made_from_the_code_is_as_the_code_says(name: str) -> None:
    """Made anew by `python -m tests.docs.tables`."""
    with translation.override("en"):
        assert tables.block(_text(tables.GUIDE), name) == tables.BLOCKS[name]()


def test_rules_for_alerts_ask_for_what_is_told_from_the_start() -> None:
    """A rule over a series that does not exist never fires."""
    rules = re.sub(r"(?m)^ *#.*$", "", _text(tables.ALERTS))
    asked = set(re.findall(r"gatehouse_\w+", rules))
    told = {_QUOTED.findall(row[0])[0] for row in _rows(tables.metrics()) if "`" in row[0]}
    assert asked <= told | {f"{name}_bucket" for name in told}
    known = {
        "event": {event.value for event in WATCHED},
        "outcome": set(OUTCOMES),
        "command": set(COMMANDS),
    }
    for name, values in known.items():
        patterns = re.findall(rf'{name}=~?"([^"]+)"', rules)
        assert patterns
        for pattern in patterns:
            assert any(re.fullmatch(pattern, value) for value in values), pattern


def test_every_setting_stands_in_its_table() -> None:
    told = {
        _QUOTED.findall(row[0])[0]
        for row in _rows(tables.block(_text(tables.GUIDE), "settings"))
        if "`" in row[0]
    }
    assert told == set(declared())


def test_every_limit_stands_in_its_table() -> None:
    assert get_resolver().url_patterns  # loads every module that has one
    own = {"accounts", "core", "delivery", "login", "portal", "tenants", "twofactor", "cobrowse"}
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in own]
    held = {value.name for module in modules for value in vars(module).values() if isinstance(value, Limit)}
    assert held == {limit.name for limit in tables.limits_told()}


def test_every_refusal_stands_in_the_api_guide_with_its_status() -> None:
    told = {
        _QUOTED.findall(row[1])[0]: int(row[0])
        for row in _rows(_text(tables.API_GUIDE))
        if re.fullmatch(r"\d{3}", row[0])
    }
    assert told == dict(STATUS)


def test_every_event_stands_in_the_administrators_guide() -> None:
    found = set(re.findall(r"`(\w+:\w+:\w+)`", _text(tables.GUIDE)))
    assert found == {event.value for event in Event}


def _addresses(
    patterns: list[URLPattern | URLResolver], before: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        path = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _addresses(one.url_patterns, path)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), one


def test_every_address_of_the_api_stands_in_its_guide_with_its_filters() -> None:
    text = _text(tables.API_GUIDE)
    quoted = set(_QUOTED.findall(text))
    rows = {name: row for row in _rows(text) for name in _QUOTED.findall(row[0])}
    for address, pattern in _addresses(list(v1)):
        if address.startswith(("login/", "tokens/")):
            assert address.replace("{step}", "<step>") in text, address
            continue
        assert address in quoted, address
        filters = getattr(getattr(pattern.callback, "cls", None), "filters", None)
        for name in filters().fields if filters is not None and "{" not in address else ():
            assert f"`{name}`" in rows[address][2], f"{address} has the filter {name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document: Path) -> None:
    text = _text(document)
    for name in _QUOTED.findall(text):
        folder, is_path, _rest = name.partition("/")
        if not folder or not is_path or folder == "var" or not re.fullmatch(r"[\w./-]*\w", name):
            continue
        if (ROOT / folder).is_dir():
            there = any((ROOT / one).exists() for one in (name, f"{name}.py"))
            assert there, f"{document.name} names {name}"
    for name in re.findall(r"\b(?:TwoFactor|Session|Login)(?:\.[A-Z][A-Za-z]+)+", text):
        assert name in declared(), f"{document.name} names the setting {name}"
    for command in re.findall(r"manage\.py ([a-z_]+)", text):
        assert command in get_commands(), f"{document.name} names manage.py {command}"


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", _text(document)):
        if "://" in target:
            continue
        path, _sep, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.is_file(), target
        assert not anchor or anchor in _anchors(_text(found)), target


def test_every_attack_has_its_place_in_the_threat_page() -> None:
    named = set(_QUOTED.findall(_text(tables.DOCS / "threats.md")))
    attacks = {str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "attacks").glob("test_*.py")}
    assert attacks <= named

"""Role packages made to eat time, memory, or files of the server: each is refused early."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from configserver.spd import LONGEST, Fault, Malformed, parse
from configserver.spd.values import DEEPEST, MOST_ELEMENTS

ROOT = '<solutionDefinition version="2.0.0" xmlns="http://genesys.com/gax/asd">'
LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
NOTHINGS = '<!ENTITY a "">' + "".join(
    f'<!ENTITY {name} "{f"&{below};" * 1_000}">' for below, name in ("ab", "bc", "cd")
)
MARKS = "\u0301\u0327"  # two marks on a letter, in the order that composing has to turn round
CASES = {
    "a DTD": ("<!DOCTYPE r><r/>", Fault.DTD),
    "a DTD elsewhere": ('<!DOCTYPE r SYSTEM "http://127.0.0.1:9/r.dtd"><r/>', Fault.DTD),
    "a DTD with a public name": ('<!DOCTYPE r PUBLIC "-//X//EN" "file:///etc/passwd"><r/>', Fault.DTD),
    "an entity": ('<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>', Fault.DTD),
    "a parameter entity": (
        '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><r/>',
        Fault.DTD,
    ),
    "an external entity": (
        '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>',
        Fault.DTD,
    ),
    "billion laughs": (f"<!DOCTYPE r [{LAUGHS}]><r>&a9;</r>", Fault.DTD),
    "a billion nothings": (f"<!DOCTYPE r [{NOTHINGS}]><r>&d;</r>", Fault.DTD),
    "laughs after much else": (
        f"<!--{'x' * 980_000}--><!DOCTYPE r [{NOTHINGS}]><r>&d;</r>",
        Fault.DTD,
    ),
    "one long entity many times": (
        f'<!DOCTYPE r [<!ENTITY a "{"x" * 400_000}">]><r>{"&a;" * 100_000}</r>',
        Fault.DTD,
    ),
    "a file included": (
        f'{ROOT}<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>',
        Fault.NAMESPACE,
    ),
    "a million elements": (ROOT + "<a/>" * 1_000_000, Fault.TOO_LARGE),
    "as many elements as fit": (ROOT + "<a/>" * 249_000, Fault.TOO_MANY_ELEMENTS),
    "as many levels as fit": (ROOT + "<a>" * 330_000, Fault.TOO_DEEP),
    "as many attributes as fit": (
        ROOT + "<a " + " ".join(f'a{n}=""' for n in range(90_000)) + "/>",
        Fault.XML,
    ),
    "as many namespaces as fit": (
        ROOT + "<a " + " ".join(f'xmlns:a{n}="b"' for n in range(50_000)) + "/>",
        Fault.XML,
    ),
    "one long attribute": (f'{ROOT}<profile name="{"x" * 990_000}"/>', Fault.TOO_LONG),
    "letters that are slow to compose": (f"{ROOT}<name>{MARKS * 240_000}</name>", Fault.TOO_LONG),
    "a comment without end": (f"{ROOT}<!--{'>' * 990_000}", Fault.XML),
    "empty lines between elements": (ROOT + "\n" * 990_000, Fault.XML),
    "lines without end": (f"{ROOT}<summary>{chr(10) * 990_000}</summary>", Fault.XML),
    "a declaration without end": (f"<?xml {'encoding ' * 110_000}", Fault.XML),
}
MEASURED = """
import json, sys
from configserver.spd import parse

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

parse(b"<a/>")
data = sys.stdin.buffer.read()
before = peak()
found = parse(data)
print(json.dumps({"code": found.code, "kilobytes": peak() - before}))
"""


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_is_refused_within_five_seconds_of_work(name: str) -> None:
    text, code = CASES[name]
    began = time.process_time()
    found = parse(text.encode())
    assert isinstance(found, Malformed)
    assert found.code == code
    assert time.process_time() - began < 5  # a tenth of it when nothing else is measured


@pytest.mark.parametrize(
    "name",
    [
        "billion laughs",
        "one long entity many times",
        "a million elements",
        "as many elements as fit",
        "as many levels as fit",
        "as many attributes as fit",
        "lines without end",
    ],
)
def test_a_hostile_file_takes_no_memory_to_speak_of(name: str) -> None:
    text, code = CASES[name]
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED],
        input=text.encode(),
        capture_output=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    said = json.loads(ran.stdout)
    assert said["code"] == code
    assert said["kilobytes"] < 100_000


def test_the_line_of_a_dtd_is_told() -> None:
    assert parse(b"\n\n<!DOCTYPE r><r/>") == Malformed(code=Fault.DTD, line=3)


def test_one_byte_above_the_limit_is_too_many() -> None:
    found = parse(b"<!--" + b"x" * LONGEST)
    assert found == Malformed(code=Fault.TOO_LARGE, limit=LONGEST)
    short = parse((b"<!--" + b"x" * LONGEST)[:LONGEST])
    assert isinstance(short, Malformed)
    assert short.code == Fault.XML


def test_the_last_element_and_the_last_level_within_the_limit_are_read() -> None:
    # Read to the end, each lacks a name; one more, and the limit is told.
    def code(text: str) -> Fault:
        found = parse(text.encode())
        assert isinstance(found, Malformed)
        return found.code

    def wide(count: int) -> str:
        return f"{ROOT}{'<a/>' * (count - 1)}</solutionDefinition>"

    def deep(count: int) -> str:
        return f"{ROOT}{'<a>' * (count - 1)}{'</a>' * (count - 1)}</solutionDefinition>"

    assert (code(wide(MOST_ELEMENTS)), code(wide(MOST_ELEMENTS + 1))) == (
        Fault.MISSING,
        Fault.TOO_MANY_ELEMENTS,
    )
    assert (code(deep(DEEPEST)), code(deep(DEEPEST + 1))) == (Fault.MISSING, Fault.TOO_DEEP)

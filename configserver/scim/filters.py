"""Pure: the filter language of SCIM (RFC 7644, 3.4.2.2) and the paths of PATCH (3.5.2), read into trees of bounded size."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from configserver.scim.errors import ScimError

LONGEST = 2_000  # characters
DEEPEST = 20  # brackets in brackets
MOST_TERMS = 100
COMPARISONS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
Value = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Path:
    """An attribute, in lower case as names are compared; `schema` is empty where none was written."""

    schema: str = ""
    name: str = ""  # empty: the schema as a whole
    sub: str = ""


@dataclass(frozen=True, kw_only=True)
class Compare:
    """An attribute against a value."""

    path: Path
    op: str
    value: Value


@dataclass(frozen=True, kw_only=True)
class Present:
    """The attribute has a value."""

    path: Path


@dataclass(frozen=True, kw_only=True)
class Not:
    """The opposite."""

    inner: "Filter"


@dataclass(frozen=True, kw_only=True)
class Both:
    """Two filters, of which both must hold, or with `either` one."""

    left: "Filter"
    right: "Filter"
    either: bool = False


@dataclass(frozen=True, kw_only=True)
class Element:
    """One element of a list of complex values holds all of the inner filter, whose names are its sub-attributes."""

    path: Path
    inner: "Filter"


Filter = Compare | Present | Not | Both | Element


@dataclass(frozen=True, kw_only=True)
class Target:
    """What an operation of PATCH is about: an attribute, or with `chosen` elements of it, or a sub-attribute of either."""

    path: Path
    chosen: Filter | None = None


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\\x00-\x1f]|\\.)*")
      | (?P<mark>[()\[\]])
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w:.-]))
      | (?P<word>[A-Za-z$][\w$:.-]*)
      | (?P<sub>\.[A-Za-z$][\w$-]*)
    )""",
    re.VERBOSE | re.ASCII,
)
_NAME = re.compile(r"[A-Za-z$][\w$-]*", re.ASCII)


def read_filter(text: str) -> Filter:
    """The tree of this filter; raises ScimError (`invalidFilter`)."""
    reader = _Reader(text, _bad_filter)
    found = reader.either()
    reader.end()
    return found


def read_path(text: str) -> Target:
    """What this path of PATCH names; raises ScimError (`invalidPath`)."""
    reader = _Reader(text, _bad_path)
    path, chosen = reader.path(), None
    if reader.take("["):
        chosen = reader.inside("]")
        if reader.kind == "sub":
            path = Path(schema=path.schema, name=path.name, sub=reader.next()[1:].lower())
    reader.end()
    return Target(path=path, chosen=chosen)


def read_name(text: str) -> Path:
    """An attribute as `sortBy` and `attributes` name it; raises ScimError (`invalidPath`)."""
    reader = _Reader(text, _bad_path)
    path = reader.path()
    reader.end()
    return path


def _bad_filter(why: str) -> ScimError:
    return ScimError(400, f"This filter cannot be read: {why}", scim_type="invalidFilter")


def _bad_path(why: str) -> ScimError:
    return ScimError(400, f"This path cannot be read: {why}", scim_type="invalidPath")


class _Reader:
    def __init__(self, text: str, error: Callable[[str], ScimError]) -> None:
        self._error = error
        if len(text) > LONGEST:
            raise error(f"it is longer than {LONGEST} characters.")
        self._tokens = list(self._split(text))
        self._at = self._depth = self._terms = 0

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        place, end = 0, len(text.rstrip())
        while place < end:
            found = _TOKEN.match(text, place)
            if found is None:
                raise self._error(f"what stands at character {place + 1}?")
            place = found.end()
            yield str(found.lastgroup), found[str(found.lastgroup)]

    @property
    def kind(self) -> str:
        """What the next token is; empty at the end."""
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def next(self) -> str:
        """The next token, which is passed."""
        if not self.kind:
            raise self._error("it ends too early.")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def take(self, *words: str) -> bool:
        """Whether the next token is one of these, which is then passed."""
        found = self.kind in {"word", "mark"} and self._tokens[self._at][1].lower() in words
        self._at += found
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self.kind:
            raise self._error(f"{self.next()[:40]} was not expected.")

    def inside(self, closing: str) -> Filter:
        """What stands in brackets whose opening one has been passed."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"it has more than {DEEPEST} brackets in each other.")
        found = self.either()
        if not self.take(closing):
            raise self._error(f"{closing} is missing.")
        self._depth -= 1
        return found

    def either(self) -> Filter:
        """Filters joined by `or`, which binds the least."""
        found = self._both()
        while self.take("or"):
            found = Both(left=found, right=self._both(), either=True)
        return found

    def _both(self) -> Filter:
        found = self._one()
        while self.take("and"):
            found = Both(left=found, right=self._one())
        return found

    def _one(self) -> Filter:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise self._error(f"it has more than {MOST_TERMS} terms.")
        if self.take("("):
            return self.inside(")")
        if self.take("not"):
            if not self.take("("):
                raise self._error("write not (…).")
            return Not(inner=self.inside(")"))
        path = self.path()
        if self.take("["):
            return Element(path=path, inner=self.inside("]"))
        op = self.next().lower()
        if op == "pr":
            return Present(path=path)
        if op not in COMPARISONS:
            raise self._error(f"{op[:40]} is no operator.")
        return Compare(path=path, op=op, value=self._value())

    def path(self) -> Path:
        """An attribute, with its schema and sub-attribute where they are written."""
        if self.kind != "word":
            raise self._error("the name of an attribute is missing.")
        word = self.next().lower()
        schema = ""
        if word.startswith("urn:"):
            schema, _colon, word = word.rpartition(":")
        name, _dot, sub = word.partition(".")
        if not _NAME.fullmatch(name) or (_dot and not _NAME.fullmatch(sub)):
            raise self._error(f"{word[:40]} is no name of an attribute.")
        return Path(schema=schema, name=name, sub=sub)

    def _value(self) -> Value:
        kind, text = self.kind, self.next()
        if kind == "text":
            try:
                found = json.loads(text)
            except ValueError as error:
                raise self._error("a text is not written as JSON writes it.") from error
            return str(found)
        if kind == "number":
            return float(text) if set(text) & set(".eE") else int(text)
        if kind == "word" and text.lower() in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[text.lower()]
        raise self._error(f"{text[:40]} is no value; a text stands in double quotes.")

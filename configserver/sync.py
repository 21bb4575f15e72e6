"""Pure: what an import from a directory would change. Persons are known by the id of their entry, never by a name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """What is to be done about one entry or person."""

    CREATE = "create"
    CHANGE = "change"
    OFF = "off"  # the entry is gone: the person is switched off, not deleted
    CONFLICT = "conflict"  # left alone, and told


class Why(StrEnum):
    """Why an entry is left alone."""

    NO_ID = "no_id"
    NO_NAME = "no_name"
    NAME_TAKEN = "name_taken"  # somebody else has the user name
    TWICE = "twice"  # another entry has the name, or the id


FIELDS = ("name", "display_name", "email", "phone")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of the directory, as far as it is taken over; texts that would not be kept are empty already."""

    ref: str
    name: str
    name_key: str
    display_name: str
    email: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A person as it is kept. `gone`: an earlier import switched it off; `handed`: an administrator gave it to the directory."""

    values: Mapping[str, str]  # by the names in FIELDS
    is_active: bool
    gone: bool = False
    handed: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be done."""

    action: Action
    ref: str
    name: str
    values: dict[str, str | bool] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Seen:
    """The ids of entries, and the keys of names, that an import has come by."""

    refs: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


def changes_of(
    entries: Iterable[Entry], kept: Mapping[str, Kept], *, taken: Mapping[str, str], seen: Seen
) -> Iterator[Change]:
    """What these entries change. `kept` holds the persons of this directory by ref, `taken` the refs of those who have a name, by its key
    (empty: somebody of another source), and `seen` what earlier entries of this import have had; it grows.
    """
    for one in entries:
        why = _refusal(one, taken=taken, seen=seen)
        if why is not None:
            yield Change(action=Action.CONFLICT, ref=one.ref, name=one.name, why=why.value)
            continue
        seen.names.add(one.name_key)
        seen.refs.add(one.ref)
        given = {name: getattr(one, name) for name in FIELDS}
        before = kept.get(one.ref)
        if before is None:
            yield Change(action=Action.CREATE, ref=one.ref, name=one.name, values=dict(given))
            continue
        changed: dict[str, str | bool] = {
            name: value for name, value in given.items() if value != before.values[name]
        }
        if before.gone and not before.is_active:
            changed["is_active"] = True
        if changed or before.handed:
            yield Change(action=Action.CHANGE, ref=one.ref, name=one.name, values=changed)


def _refusal(entry: Entry, *, taken: Mapping[str, str], seen: Seen) -> Why | None:
    if not entry.ref:
        return Why.NO_ID
    if not entry.name_key:
        return Why.NO_NAME
    if entry.name_key in seen.names or entry.ref in seen.refs:
        return Why.TWICE
    return None if taken.get(entry.name_key, entry.ref) == entry.ref else Why.NAME_TAKEN


def is_too_much(*, changed: int, off: int, kept: int, active: int, percent: int) -> bool:
    """Whether more than this share of the persons that there are would change, or of those who are switched on be switched off.

    New ones are no harm to anybody.
    """
    return 100 * changed > percent * kept or 100 * off > percent * active

"""Filters and orders of SCIM as conditions on rows: each attribute that can be asked for names its column, and no text becomes SQL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from configserver.models import Group
from configserver.scim.errors import ScimError
from configserver.scim.filters import Both, Compare, Element, Filter, Not, Path, Present, Value
from configserver.scim.schemas import GROUPS, PERSON, USERS, Kind, Place, place_of
from core.contacts import key_of

_LOOKUPS = {
    "co": "contains",
    "sw": "startswith",
    "ew": "endswith",
    "gt": "gt",
    "ge": "gte",
    "lt": "lt",
    "le": "lte",
}
_ORDERED = frozenset({"eq", "gt", "ge", "lt", "le"})
EVERYBODY, NOBODY = ~Q(pk__in=[]), Q(pk__in=[])


@dataclass(frozen=True, kw_only=True)
class Column:
    """Where an attribute is kept: text (compared in any case, or exactly), name, boolean, number, time or id."""

    field: str
    type: str = "text"
    within: Callable[[Q], Q] = lambda condition: condition  # for what another table keeps

    def compared(self, op: str, value: Value) -> Q:
        """The rows for which the comparison holds; raises ScimError (`invalidFilter`)."""
        if op == "ne":
            return ~self.compared("eq", value)
        if value is None:
            if op != "eq":
                raise _no("null can only be eq or ne.")
            return ~self.present()
        return self.within(self._condition(op, value))

    def present(self) -> Q:
        """The rows that have a value."""
        return self.within(~Q(**{self.field: ""}) if self.type in {"text", "exact"} else EVERYBODY)

    def _condition(self, op: str, value: Value) -> Q:
        if self.type in {"text", "exact", "name"}:
            return self._text(op, value)
        if self.type == "boolean":
            if not isinstance(value, bool) or op != "eq":
                raise _no("a truth value can only be eq or ne to true or false.")
            return Q(**{self.field: value})
        if self.type == "id":
            return self._id(op, value)
        if op not in _ORDERED:
            raise _no(f"{op} compares texts.")
        wanted = _number(value) if self.type == "number" else _time(value)
        return Q(**{self.field if op == "eq" else f"{self.field}__{_LOOKUPS[op]}": wanted})

    def _text(self, op: str, value: Value) -> Q:
        if not isinstance(value, str):
            raise _no("a text is compared with a text.")
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            return NOBODY  # no row holds such a text, and no database takes it
        if self.type == "name":
            value = key_of(value)
        if op == "eq":
            return Q(**{f"{self.field}__iexact" if self.type == "text" else self.field: value})
        lookup = _LOOKUPS[op]
        return Q(
            **{
                f"{self.field}__{'i' if self.type == 'text' and op in {'co', 'sw', 'ew'} else ''}{lookup}": value
            }
        )

    def _id(self, op: str, value: Value) -> Q:
        if op != "eq":
            raise _no("an id can only be eq or ne.")
        try:
            return Q(**{self.field: UUID(str(value))})
        except ValueError:
            return NOBODY


@dataclass(frozen=True, kw_only=True)
class Constant:
    """An attribute that has this value wherever `column` has any."""

    value: str | bool
    column: Column

    def compared(self, op: str, value: Value) -> Q:
        """The rows for which the comparison holds."""
        if op == "ne":
            return ~self.compared("eq", value)
        if op != "eq":
            raise _no("this can only be eq or ne.")
        same = (
            value.lower() == self.value
            if isinstance(value, str) and isinstance(self.value, str)
            else value is self.value
        )
        return self.column.present() if same else NOBODY

    def present(self) -> Q:
        """The rows that have a value."""
        return self.column.present()


def _in_groups(condition: Q) -> Q:
    return Q(pk__in=Group.members.through._default_manager.filter(condition).values("person"))


def _with_members(condition: Q) -> Q:
    return Q(pk__in=Group.members.through._default_manager.filter(condition).values("group"))


_EMAIL, _PHONE = Column(field="email"), Column(field="phone")
Columns = Mapping[str, Column | Constant]
_COLUMNS: Mapping[str, Columns] = {
    USERS.name: {
        "id": Column(field="uid", type="id"),
        "externalId": Column(field="source_ref", type="exact"),
        "userName": Column(field="name_key", type="name"),
        "name.formatted": Column(field="display_name"),
        "name.familyName": Column(field="family_name"),
        "name.givenName": Column(field="given_name"),
        "displayName": Column(field="display_name"),
        "active": Column(field="is_active", type="boolean"),
        "emails": _EMAIL,
        "emails.value": _EMAIL,
        "emails.type": Constant(value="work", column=_EMAIL),
        "emails.primary": Constant(value=True, column=_EMAIL),
        "phoneNumbers": _PHONE,
        "phoneNumbers.value": _PHONE,
        "phoneNumbers.type": Constant(value="work", column=_PHONE),
        "phoneNumbers.primary": Constant(value=True, column=_PHONE),
        "groups": Column(field="group__uid", type="id", within=_in_groups),
        "groups.value": Column(field="group__uid", type="id", within=_in_groups),
        "groups.display": Column(field="group__name", within=_in_groups),
        "meta.created": Column(field="created_at", type="time"),
        "meta.lastModified": Column(field="changed_at", type="time"),
        f"{PERSON}:dbid": Column(field="pk", type="number"),
        f"{PERSON}:tenantDbid": Column(field="tenant__dbid", type="number"),
        f"{PERSON}:externalId": Column(field="external_id", type="exact"),
        f"{PERSON}:changePasswordAtNextLogin": Column(field="must_change_password", type="boolean"),
    },
    GROUPS.name: {
        "id": Column(field="uid", type="id"),
        "externalId": Column(field="source_ref", type="exact"),
        "displayName": Column(field="name_key", type="name"),
        "members": Column(field="person__uid", type="id", within=_with_members),
        "members.value": Column(field="person__uid", type="id", within=_with_members),
        "members.display": Column(field="person__display_name", within=_with_members),
        "meta.created": Column(field="created_at", type="time"),
        "meta.lastModified": Column(field="changed_at", type="time"),
    },
}


def _no(why: str) -> ScimError:
    return ScimError(400, f"This filter cannot be used: {why}", scim_type="invalidFilter")


def _number(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**31:
        raise _no("a number is compared with a whole number.")
    return value


def _time(value: Value) -> datetime:
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
        found = found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise _no("a time is written such as 2026-01-31T12:00:00Z.")
    return found


def _column(path: Path, kind: Kind) -> Column | Constant:
    place = place_of(path, kind)
    column = _COLUMNS[kind.name].get(place.name) if place is not None else None
    if column is None:
        raise _no(f"{path.name[:40]}{'.' if path.sub else ''}{path.sub[:40]} cannot be asked for.")
    return column


def condition_of(wanted: Filter, kind: Kind) -> Q:
    """The rows for which this filter holds; raises ScimError (`invalidFilter`)."""
    if isinstance(wanted, Both):
        left, right = condition_of(wanted.left, kind), condition_of(wanted.right, kind)
        return left | right if wanted.either else left & right
    if isinstance(wanted, Not):
        return ~condition_of(wanted.inner, kind)
    if isinstance(wanted, Element):
        if wanted.path.name in {"groups", "members"} and not isinstance(wanted.inner, Compare):
            # Two conditions could be met by two elements.
            raise _no(f"{wanted.path.name}[…] takes one comparison alone.")
        return condition_of(_inside(wanted.inner, wanted.path), kind)
    column = _column(wanted.path, kind)
    return column.present() if isinstance(wanted, Present) else column.compared(wanted.op, wanted.value)


def _inside(wanted: Filter, around: Path) -> Filter:
    """The inner filter with the whole names; the lists whose filters may be long keep one value."""
    if isinstance(wanted, Both):
        left, right = _inside(wanted.left, around), _inside(wanted.right, around)
        return Both(left=left, right=right, either=wanted.either)
    if isinstance(wanted, Not):
        return Not(inner=_inside(wanted.inner, around))
    if isinstance(wanted, Element) or wanted.path.sub or wanted.path.schema:
        raise _no("a list in a list.")
    path = Path(schema=around.schema, name=around.name, sub=wanted.path.name)
    return (
        Present(path=path)
        if isinstance(wanted, Present)
        else Compare(path=path, op=wanted.op, value=wanted.value)
    )


def order_of(path: Path, kind: Kind, *, descending: bool) -> list[str]:
    """The columns to sort by; what cannot be sorted by is a refusal."""
    place: Place | None = place_of(path, kind)
    column = _COLUMNS[kind.name].get(place.name) if place is not None else None
    if not isinstance(column, Column) or column.field.partition("__")[0] in {"group", "person"}:
        raise ScimError(400, f"Nothing can be sorted by {path.name[:40]}.", scim_type="invalidPath")
    return [("-" if descending else "") + column.field, "pk"]

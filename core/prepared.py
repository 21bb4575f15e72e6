"""Statements that the ORM writes once a process: writing one costs it several times what running it costs.

For what every sign-in runs, and for nothing else. A query is written as any other, with a `Slot` in the place of each value; it finds
and changes what the ORM would, on either database.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, Expression, Field, Model, QuerySet, UUIDField
from django.db.models.query import FlatValuesListIterable, ModelIterable, get_related_populators
from django.db.models.sql import UpdateQuery

from core.db import current_unit

Row = TypeVar("Row")
Statement = tuple[str, Sequence[Any]]
_Converters = list[tuple[int, Any, Any]]  # column, what to call, the expression that it was read by

# What SQLite keeps as text; every other value goes to the driver as it is.
_FIELDS: "dict[type, Field[Any, Any]]" = {datetime: DateTimeField(), UUID: UUIDField()}


class Slot(Expression):
    """The place of a value that each run gives under this name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """A placeholder; the slot itself waits among the parameters."""
        return "%s", (self,)

    def filled(self, values: dict[str, Any]) -> Any:
        """The value of this run, as the database takes it."""
        value = values[self.name]
        field = _FIELDS.get(type(value))
        return value if field is None else field.get_db_prep_value(value, connection)


def _fill(params: Sequence[Any], values: dict[str, Any]) -> list[Any]:
    return [one.filled(values) if isinstance(one, Slot) else one for one in params]


class Select(Generic[Row]):
    """A query that is written once; called with the values of its slots, it gives the rows."""

    def __init__(self, build: "Callable[[], QuerySet[Any, Row]]") -> None:
        self._build = build  # called at the first run: models are not ready while modules are read

    @cached_property
    def _written(self) -> tuple[str, Sequence[Any], _Converters, Callable[[Sequence[Any]], Row]]:
        query = self._build()
        compiler = query.query.get_compiler(query.db)
        sql, params = compiler.as_sql()
        columns = [one[0] for one in compiler.select]
        converters = [(at, *how) for at, how in compiler.get_converters(columns).items()]
        return sql, params, converters, _reader(query, compiler)

    def __call__(self, **values: Any) -> list[Row]:
        """Every row."""
        sql, params, converters, read = self._written
        with connection.cursor() as cursor:
            cursor.execute(sql, _fill(params, values))
            rows = cursor.fetchall()
        return [read(_converted(row, converters)) for row in rows]

    def first(self, **values: Any) -> Row | None:
        """The first row, if there is any; the query itself says which that is."""
        return next(iter(self(**values)), None)

    def first_of(self, fingerprints: Iterable[str], **values: Any) -> Row | None:
        """The first row under any of these fingerprints, which are asked for one after the other."""
        found = (self.first(fingerprint=one, **values) for one in fingerprints)
        return next((row for row in found if row is not None), None)


def _converted(row: Sequence[Any], converters: _Converters) -> Sequence[Any]:
    if not converters:
        return row
    values = list(row)
    for at, converts, expression in converters:
        for convert in converts:
            values[at] = convert(values[at], expression, connection)
    return values


def _reader(query: "QuerySet[Any, Any]", compiler: Any) -> Callable[[Sequence[Any]], Any]:
    """What makes of the values of a row what the query gives: a model with its related ones, a tuple, or a single value."""
    if issubclass(query._iterable_class, FlatValuesListIterable):
        return lambda row: row[0]
    if not issubclass(query._iterable_class, ModelIterable):
        return tuple
    model = compiler.klass_info["model"]
    own = compiler.klass_info["select_fields"]
    start, end = own[0], own[-1] + 1
    names = [one[0].target.attname for one in compiler.select[start:end]]
    populators = get_related_populators(compiler.klass_info, compiler.select, query.db)  # type: ignore[call-arg]  # of a later Django

    def read(row: Sequence[Any]) -> Any:
        found = model.from_db(query.db, names, row[start:end])
        for populator in populators:
            populator.populate(row, found)
        return found

    return read


def _run(statements: Sequence[Statement]) -> int:
    with connection.cursor() as cursor:
        if (
            connection.vendor == "postgresql"
        ):  # takes several in one round trip, which costs more than most of them do
            cursor.execute(
                "; ".join(sql for sql, _ in statements), [one for _, params in statements for one in params]
            )
        else:
            for sql, params in statements:
                cursor.execute(sql, params)
        changed: int = cursor.rowcount
    return changed


class _Change:
    """What changes rows: `now`, or as the `last` of the unit."""

    _written: Statement

    def now(self, **values: Any) -> int:
        """Run it with these values in its slots; the number of rows that it changed."""
        return _run([self._filled(values)])

    def last(self, **values: Any) -> None:
        """Run it at the end of the unit, together with what else was left for it."""
        running = current_unit()
        if running is None:
            raise RuntimeError("What is left for the end of a unit belongs inside one.")
        # Before the trail, whose lock is the last that is taken.
        running.gather("a write", self._filled(values), _run)

    def _filled(self, values: dict[str, Any]) -> Statement:
        sql, params = self._written
        return sql, _fill(params, values)


class Update(_Change):
    """An UPDATE of what a query finds, written once."""

    def __init__(self, build: "Callable[[], QuerySet[Any]]", **changes: Any) -> None:
        self._build, self._changes = build, changes

    @cached_property
    def _written(self) -> Statement:  # type: ignore[override]  # a cached one can be written, too
        rows = self._build()
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(self._changes)
        written: Statement = query.get_compiler(rows.db).as_sql()
        return written


class Insert(_Change):
    """An INSERT of rows of one model, with the values that they have now. No signal is sent."""

    def __init__(self, *rows: Model) -> None:
        self._rows = rows
        sql, fields = _insert(type(rows[0]), len(rows))
        values = [(field, field.pre_save(row, add=True)) for row in rows for field in fields]
        self._written = sql, [field.get_db_prep_save(value, connection) for field, value in values]

    def now(self, **values: Any) -> int:
        """Run it; the rows learn the keys that the database gives, which they do not at the end of a unit."""
        sql, params = self._filled(values)
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} RETURNING {_name(self._rows[0]._meta.pk.column)}", params)
            for row, (key,) in zip(self._rows, cursor.fetchall(), strict=True):
                row.pk = key
                row._state.adding, row._state.db = False, connection.alias
        return len(self._rows)


class Write(_Change):
    """An UPDATE of one row, by its key, with the values that these columns have now."""

    def __init__(self, row: Model, *names: str) -> None:
        sql, fields = _update(type(row), names)
        values = [(field, getattr(row, field.attname)) for field in fields]
        self._written = sql, [*(field.get_db_prep_save(value, connection) for field, value in values), row.pk]


def _name(name: str | None) -> str:
    return connection.ops.quote_name(name or "")


@cache
def _insert(model: type[Model], rows: int) -> "tuple[str, list[Field[Any, Any]]]":
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(_name(field.column) for field in fields)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * rows)
    return f"INSERT INTO {_name(model._meta.db_table)} ({columns}) VALUES {places}", fields  # noqa: S608  (names of our own)


@cache
def _update(model: type[Model], names: tuple[str, ...]) -> "tuple[str, list[Field[Any, Any]]]":
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in names]
    changes = ", ".join(f"{_name(field.column)} = %s" for field in fields)
    table, key = _name(model._meta.db_table), _name(model._meta.pk.column)
    return f"UPDATE {table} SET {changes} WHERE {key} = %s", fields  # noqa: S608

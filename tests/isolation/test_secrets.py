"""Who may see an object sees no secret of it, and cannot ask for one letter by letter (attack F 23)."""

from collections.abc import Iterator, Mapping

import pytest
from django.db.models import ForeignKey, Model

from tests.isolation.coverage import COVERAGE
from tests.isolation.database import state
from tests.isolation.routes import ROUTES
from tests.isolation.them import SECRET
from tests.isolation.visits import Call, Visitor
from tests.isolation.world import World

LISTS = sorted(
    text
    for text, route in ROUTES.items()
    if text in COVERAGE and COVERAGE[text].sort == "every" and route.model_admin is not None
)


def _secret_columns() -> set[tuple[str, str]]:
    """Table and column of everything that holds the mark of a secret."""
    return {
        (table, column)
        for (table, _pk), row in state().items()
        for column, value in row.items()
        if SECRET in str(value)
    }


def _paths(model: type[Model], columns: set[tuple[str, str]], *, prefix: str = "") -> Iterator[str]:
    for field in model._meta.get_fields():
        if isinstance(field, ForeignKey):
            if not prefix:
                yield from _paths(field.related_model, columns, prefix=f"{field.name}__")
        elif (model._meta.db_table, getattr(field, "column", "")) in columns:
            yield f"{prefix}{field.name}"


def test_there_are_secrets(db: None, world: World) -> None:
    columns = {column for _table, column in _secret_columns()}
    assert {"password", "fingerprint", "context", "secret"} <= columns


@pytest.mark.parametrize("text", LISTS)
def test_no_list_can_be_asked_for_a_secret(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    path, model = ROUTES[text].path(), ROUTES[text].model_admin.model
    for secret in _paths(model, _secret_columns()):
        for lookup in ("startswith", "contains", "regex", "gte", "exact", "isnull"):
            answer = visitors["root"].send(Call("GET", path, ((f"{secret}__{lookup}", SECRET),)))
            assert answer.status in {302, 400}, f"{secret}__{lookup} can be asked"

"""Who may see an object sees no secret of it, and cannot ask for one letter by letter (attack F 23)."""

import re
from collections.abc import Iterator, Mapping

import pytest
from django.db.models import ForeignKey, Model

from cobrowse.models import CobrowseSession
from core.sealed import sealed_fields
from tests.isolation.coverage import COVERAGE
from tests.isolation.database import state
from tests.isolation.routes import ROUTES, Route
from tests.isolation.them import SECRET, Things
from tests.isolation.visits import Call, Visitor, undone
from tests.isolation.world import World

VISITED = sorted(ROUTES.keys() & COVERAGE.keys())
LISTS = [text for text in VISITED if COVERAGE[text].sort == "every"]
ADMIN_LISTS = [text for text in LISTS if ROUTES[text].model_admin is not None]
API_LISTS = [text for text in LISTS if ROUTES[text].view is not None]
# Who may do everything, and who may look at everything and change nothing: what is read is shown in other ways than what is written.
READERS = ("root", "vera")


def _sealed_columns() -> set[tuple[str, str]]:
    return {(field.model._meta.db_table, field.column) for field in sealed_fields()}


def _secret_columns() -> set[tuple[str, str]]:
    """Table and column of everything that holds the mark of a secret, or is sealed."""
    marked = {
        (table, column)
        for (table, _pk), row in state().items()
        for column, value in row.items()
        if SECRET in str(value)
    }
    return marked | _sealed_columns()


def _secrets() -> re.Pattern[str]:
    """The mark of what nobody is ever shown, and every sealed text, as the database holds them now."""
    columns = _sealed_columns()
    sealed = {
        str(value)
        for (table, _pk), row in state().items()
        for column, value in row.items()
        if (table, column) in columns and value
    }
    digits = CobrowseSession.objects.values_list("token", flat=True)  # by which somebody joins one
    return re.compile("|".join(map(re.escape, sorted({SECRET, *sealed, *digits}))))


def _paths(model: type[Model], columns: set[tuple[str, str]], *, prefix: str = "") -> Iterator[str]:
    for field in model._meta.get_fields():
        if isinstance(field, ForeignKey):
            if not prefix:
                yield from _paths(field.related_model, columns, prefix=f"{field.name}__")
        elif (model._meta.db_table, getattr(field, "column", "")) in columns:
            yield f"{prefix}{field.name}"


def _reads(text: str, them: Things) -> Iterator[Call]:
    """What somebody reads at this address; over REST also what he gets for a change of nothing."""
    route, entry = ROUTES[text], COVERAGE[text]
    if entry.sort == "the":
        for one in them.each(entry.kind):
            path = _path(route, one, entry.kind)
            yield Call("GET", path)
            if route.view is not None:
                yield Call("PATCH", path, data={})
    else:
        for arguments in entry.arguments:
            yield Call("GET", route.path(**arguments))


def _path(route: Route, them: Things, kind: str) -> str:
    found = {
        name: them.uid(kind) if converter == "uuid" else them.pk(kind) for converter, name in route.arguments
    }
    return route.path(**found)


def _is_page(text: str) -> bool:
    """Whether there is something to be read, and not only to be done."""
    entry, actions = COVERAGE[text], getattr(ROUTES[text].callback, "actions", {})
    shows = text.endswith("/change/") or actions.get("get") == "retrieve"
    return entry.sort in {"every", "new"} or (entry.sort == "the" and shows)


def test_there_are_secrets(db: None, world: World) -> None:
    columns = {column for _table, column in _secret_columns()}
    assert {"password", "fingerprint", "context", "secret", "entry"} <= columns
    assert world.acme.objects["directory"].secret.text in _secrets().pattern.replace("\\", "")


@pytest.mark.parametrize("text", VISITED)
def test_no_answer_tells_a_secret(text: str, db: None, world: World, visitors: Mapping[str, Visitor]) -> None:
    secrets, opened = _secrets(), 0
    for name in READERS:
        for them in (world.acme, world.installation):
            for call in _reads(text, them):
                with undone():
                    answer = visitors[name].send(call)
                told = secrets.search(answer.text) or secrets.search(str(answer.headers))
                assert told is None, f"{name} is told {told and told[0]} by {call}"
                assert answer.status < 500
                opened += answer.status == 200
    assert opened or not _is_page(text), "Nobody could read it, so that it tells no secret proves nothing."


@pytest.mark.parametrize("text", ADMIN_LISTS)
def test_no_list_can_be_asked_for_a_secret(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    path, model = ROUTES[text].path(), ROUTES[text].model_admin.model
    for secret in _paths(model, _secret_columns()):
        for lookup in ("startswith", "contains", "regex", "gte", "exact", "isnull"):
            answer = visitors["root"].send(Call("GET", path, ((f"{secret}__{lookup}", SECRET),)))
            assert answer.status in {302, 400}, f"{secret}__{lookup} can be asked"


@pytest.mark.parametrize("text", API_LISTS)
def test_no_filter_asks_for_a_secret(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    path, model = ROUTES[text].path(), ROUTES[text].view.model
    for secret in _paths(model, _secret_columns()):
        for asked in (secret, f"{secret}__startswith", f"{secret}__isnull"):
            answer = visitors["root"].send(Call("GET", path, ((asked, SECRET),)))
            assert answer.status == 400, f"{asked} can be asked"

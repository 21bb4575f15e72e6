"""What one caller of the API holds is worth nothing in another's hands: idempotency keys, cursors, tokens (attacks F 20, B 12)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cobrowse.models import Application
from core.idempotency import HEADER, REPLAYED
from core.paging import CursorPages
from tests.configserver.packages import AGENT, package
from tests.isolation import outside
from tests.isolation.bodies import new_of
from tests.isolation.coverage import COVERAGE
from tests.isolation.routes import ROUTES, Route
from tests.isolation.them import KINDS, Them
from tests.isolation.visits import Call, Visitor, undone
from tests.isolation.walk import secrets_of
from tests.isolation.world import World

LISTS = sorted(
    text
    for text, route in ROUTES.items()
    if COVERAGE.get(text) is not None and COVERAGE[text].sort == "every" and route.view is not None
)
# Those that a company's own administrator makes and reads; the others are of who sees every company.
OF_COMPANIES = set(KINDS.values()) - set(outside.KINDS.values()) - {"company", "privilege"} | {"person"}
CREATES = [text for text in LISTS if hasattr(getattr(ROUTES[text].view, "create", None), "is_idempotent")]


def _body(route: Route, own: Them, *, kind: str) -> Any:
    """What makes a new object."""
    if hasattr(route.view, "files"):
        return package(AGENT)
    body = new_of(route.view.bodies["create"], own, kind=kind)
    if kind == "permission":
        body |= {"user": own.uid("user"), "reach": "own"}
    if kind == "directorypermission":
        body |= {"person": own.uid("person")}
    if kind == "directory":
        body |= {"servers": ["ldaps://ldap.example:636"]}  # an identity provider alone has none
    return body


def test_there_are_lists_and_creates() -> None:
    assert len(LISTS) >= 15
    assert len(CREATES) >= 11
    assert all(ROUTES[text].view.pagination_class is CursorPages for text in LISTS)


@pytest.mark.parametrize("text", CREATES)
def test_somebody_elses_idempotency_key_replays_nothing(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    route, kind = ROUTES[text], COVERAGE[text].kind
    body = _body(route, world.acme, kind=kind)
    call = Call("POST", route.path(), data=body, headers=((HEADER, "one-key"),))
    with undone():
        if kind == "application":
            Application.objects.filter(company=world.ada.company, type=body["type"]).delete()  # makes room
        maker = visitors["ada" if kind in OF_COMPANIES else "root"]
        first, again = maker.send(call), maker.send(call)
        assert first.status == 201, first.text
        assert again.headers.get(REPLAYED) == "true"
        hers = visitors["cleo"].send(call)
        assert REPLAYED not in hers.headers
        assert hers.text != first.text
        # Nor does it tell that the key was used: no word of another body, or of a request under way.
        assert "idempotency" not in hers.text


@pytest.mark.parametrize("text", LISTS)
def test_somebody_elses_cursor_shows_only_ones_own(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    path = ROUTES[text].path()
    kind = COVERAGE[text].kind
    reader = visitors["ada" if kind in OF_COMPANIES or kind == "privilege" else "root"]
    page = reader.send(Call("GET", path, (("page_size", "1"),)))
    assert page.status == 200, page.text
    links = [link for link in (page.json["next"], page.json["previous"]) if link]
    assert links, "The list is too short to have a next page."
    secrets = secrets_of(world.acme, seen="")
    for link in links:
        answer = visitors["cleo"].send(Call("GET", path, tuple(parse_qsl(urlsplit(link).query))))
        assert answer.status in {200, 400}
        assert not secrets.search(answer.text)


@pytest.mark.parametrize("token", ["access_token", "refresh_token"])
@pytest.mark.parametrize("asker", ["cleo", "ben", "carl", "nora"])
def test_somebody_elses_token_says_nothing(
    token: str, asker: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    call = Call("POST", "/api/v1/tokens/introspect/", data={"token": world.tokens[token]})  # type: ignore[literal-required]
    assert visitors[asker].send(call).json == {"active": False}

"""What one caller of the API holds is worth nothing in another's hands: idempotency keys, cursors, tokens (attacks F 20, B 12)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import pytest

from core.idempotency import HEADER, REPLAYED
from core.paging import CursorPages
from tests.isolation.cases import body_of
from tests.isolation.coverage import COVERAGE
from tests.isolation.routes import ROUTES
from tests.isolation.visits import Call, Visitor, undone
from tests.isolation.walk import secrets_of
from tests.isolation.world import World

LISTS = sorted(
    text
    for text, route in ROUTES.items()
    if COVERAGE.get(text) is not None and COVERAGE[text].sort == "every" and route.view is not None
)
CREATES = [text for text in LISTS if hasattr(getattr(ROUTES[text].view, "create", None), "is_idempotent")]


def test_there_are_lists_and_creates() -> None:
    assert len(LISTS) >= 9
    assert len(CREATES) >= 5
    assert all(ROUTES[text].view.pagination_class is CursorPages for text in LISTS)


@pytest.mark.parametrize("text", CREATES)
def test_somebody_elses_idempotency_key_replays_nothing(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    route = ROUTES[text]
    shape = route.view.bodies["create"]
    body = body_of(shape, world.acme, whole=False)
    if COVERAGE[text].kind == "permission":
        body |= {"user": world.acme.uid("user"), "reach": "own"}
    call = Call("POST", route.path(), data=body, headers=((HEADER, "one-key"),))
    with undone():
        maker = visitors["root" if COVERAGE[text].kind in {"company", "privilege"} else "ada"]
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
    reader = visitors["ada" if COVERAGE[text].kind != "company" else "root"]
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

"""Nobody reaches into another company: not by any address, verb, body, filter, form or action (mission P5, attacks F 20, 22, 23)."""

from collections.abc import Mapping

import pytest

from tests.isolation.cases import actions_of
from tests.isolation.coverage import COVERAGE
from tests.isolation.database import changes, state
from tests.isolation.routes import ROUTES
from tests.isolation.them import SECRET, SHARED
from tests.isolation.visits import Call, Sort, Visitor, undone
from tests.isolation.walk import WALKS, Judge, secrets_of
from tests.isolation.world import World

VISITED = sorted(ROUTES.keys() & COVERAGE.keys())


def test_every_address_has_an_entry() -> None:
    missing = sorted(ROUTES.keys() - COVERAGE.keys())
    assert not missing, (
        f"The walk does not know how to visit {missing}. Add a line for each to COVERAGE in tests/isolation/coverage.py: "
        "`the(kind)` when the address names an object, `every(kind)` for a list, `new(kind)` for the form of a new one, "
        "`own(why)` or `door(why)` when no object of a company can be reached there, with `sends` for the bodies it takes."
    )


def test_every_entry_has_an_address() -> None:
    stale = sorted(COVERAGE.keys() - ROUTES.keys())
    assert not stale, (
        f"There is nothing at {stale} any more. Take these lines out of COVERAGE in tests/isolation/coverage.py."
    )


def _named(text: str) -> str:
    return text or "/"


def _told(found: list[str]) -> None:
    if found:
        pytest.fail("\n".join(one[:600] for one in found[:20]), pytrace=False)


@pytest.mark.parametrize("text", VISITED, ids=_named)
def test_nobody_reaches_into_another_company(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    route, entry, found = ROUTES[text], COVERAGE[text], []
    for walk in WALKS:
        if entry.sort == "door" and walk.visitor not in {"cleo", "nobody"}:
            continue  # it looks at nobody
        reader = visitors["ada" if walk.visitor == "ada" else "cleo"]
        cases = list(entry.cases(route, reader, world.them(walk.own)))
        for number, there in enumerate(world.them(walk.target).each(entry.kind)):
            judge = Judge(world, walk, visitors[walk.visitor], entry, there=there)
            for case in cases:
                if number == 0 or case.sort is Sort.NAMES:
                    judge.hear(case)
            found += [f"{walk}: {one}" for one in judge.found]
    _told(found)


@pytest.mark.parametrize("text", [text for text in VISITED if COVERAGE[text].sort == "the"])
def test_what_is_ones_own_is_there(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    """Else the 404 of the walk would prove nothing."""
    route, entry, cleo = ROUTES[text], COVERAGE[text], visitors["cleo"]
    judge, opened = Judge(world, WALKS[0], cleo, entry), []
    for own in world.globex.each(entry.kind):
        names = [case for case in entry.cases(route, cleo, own) if case.sort is Sort.NAMES]
        opened += [judge.opens(case, own) for case in names]
    _told(judge.found)
    assert any(opened) != bool(entry.why), "Its line in COVERAGE says whether anybody can open it."


@pytest.mark.parametrize(
    "path",
    [
        "/cobrowse/agent/{}/",
        "/cobrowse/rest/history/sessions/{}",
        "/api/1/sessions/{}",
        "/api/v1/cobrowse-sessions/{}/agent-tokens/",
    ],
)
def test_agents_of_a_company_are_let_in(
    path: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    """Else that they find nothing of another company's would prove nothing."""
    for visitor, them, status in (
        ("cleo", world.globex, 200),
        ("ada", world.acme, 200),
        ("cleo", world.acme, 404),
    ):
        with undone():
            answer = visitors[visitor].send(Call("GET", path.format(them.uid("cobrowse"))))
        assert answer.status == status, (visitor, answer.text[:300])


@pytest.mark.parametrize("text", [text for text in VISITED if COVERAGE[text].sort == "every"])
def test_whoever_sees_every_company_sees_its_marks(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    """Else not finding them in the lists of others would prove nothing."""
    answer = visitors["root"].send(Call("GET", ROUTES[text].path()))
    assert answer.status == 200
    assert secrets_of(world.acme, seen="").search(answer.text) or COVERAGE[text].kind == SHARED
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "text",
    [text for text in VISITED if COVERAGE[text].sort == "every" and ROUTES[text].model_admin is not None],
)
def test_what_is_done_to_all_is_done_to_ones_own(
    text: str, db: None, world: World, visitors: Mapping[str, Visitor]
) -> None:
    path, cleo, before = ROUTES[text].path(), visitors["cleo"], state()
    for name in actions_of(cleo, path):
        for query in (
            (),
            (("q", world.acme.word),),
            (("company__id__exact", str(world.acme.pk("company"))),),
        ):
            chosen = [world.acme.pk(COVERAGE[text].kind)]
            data = {
                "action": name,
                "_selected_action": chosen,
                "select_across": "1",
                "confirmed": "1",
                "index": "0",
            }
            call = Call("POST", path, query, data=data)
            with undone():
                answer = cleo.send(call)
                assert changes(before, state(), only=world.acme_rows) == []
            assert answer.status < 500
            told = answer.without(call, world.acme, word=True).text
            assert not secrets_of(world.acme, seen="").search(told)

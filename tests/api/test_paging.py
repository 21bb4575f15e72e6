"""Lists that page by key."""

from urllib.parse import urlencode

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tenants.models import Company, Privilege
from tests.cast import Api, Call


def walk(program: Api, path: str, direction: str = "next") -> list[list[str]]:
    """The names on every page from here on."""
    pages = []
    while path:
        said = program.get(path).json()
        pages.append([one["name"] for one in said["results"]])
        path = (said[direction] or "").replace("http://127.0.0.1:8000", "")
    return pages


@pytest.fixture
def ten(root: User) -> list[str]:
    """Names of ten companies, newest first."""
    names = [f"Company {number}" for number in range(10)]
    for name in names:
        Company.objects.create(name=name)
    return names[::-1]


def test_pages_follow_each_other_without_a_gap(api: Call, root: User, ten: list[str]) -> None:
    assert walk(api(root), "companies/?page_size=4") == [ten[:4], ten[4:8], ten[8:]]


def test_the_way_back_shows_the_same_pages(api: Call, root: User, ten: list[str]) -> None:
    program = api(root)
    said = program.get("companies/?page_size=4").json()
    while said["next"]:
        last = said["next"]
        said = program.get(last.replace("http://127.0.0.1:8000", "")).json()
    assert walk(program, last.replace("http://127.0.0.1:8000", ""), "previous") == [
        ten[8:],
        ten[4:8],
        ten[:4],
    ]


def test_rows_that_come_meanwhile_move_nothing(api: Call, root: User, ten: list[str]) -> None:
    program = api(root)
    said = program.get("companies/?page_size=5").json()
    Company.objects.create(name="New")
    Company.objects.filter(name=ten[0]).delete()
    pages = walk(program, said["next"].replace("http://127.0.0.1:8000", ""))
    assert pages == [ten[5:]]


def test_a_list_that_fits_has_no_other_pages(api: Call, root: User, ten: list[str]) -> None:
    said = api(root).get("companies/?page_size=10").json()
    assert (said["next"], said["previous"], len(said["results"])) == (None, None, 10)
    said = api(root).get("deliveries/").json()
    assert said == {"next": None, "previous": None, "results": []}


def test_filters_stay_with_the_pages(api: Call, root: User) -> None:
    for number in range(3):
        Privilege.objects.create(application="Shop", name=f"P{number}")
    pages = walk(api(root), "privileges/?application=Shop&page_size=2")
    assert pages == [["P0", "P1"], ["P2"]]


def test_the_last_page_costs_what_the_first_one_costs(api: Call, root: User, ten: list[str]) -> None:
    program = api(root)
    path = "companies/?page_size=4"
    program.get(path)
    costs = []
    while path:
        with CaptureQueriesContext(connection) as asked:
            said = program.get(path).json()
        costs.append(len(asked))
        assert all("OFFSET" not in one["sql"] and "COUNT" not in one["sql"] for one in asked)
        path = (said["next"] or "").replace("http://127.0.0.1:8000", "")
    assert len(set(costs)) == 1


def test_links_name_the_configured_host(
    api: Call, root: User, ten: list[str], settings: LazySettings
) -> None:
    said = (
        api(root)
        .get("companies/?page_size=1", Host="localhost", **{"X-Forwarded-Host": "evil.example"})
        .json()
    )
    assert said["next"].startswith(f"{settings.PUBLIC_URL}/api/v1/companies/?")


@pytest.mark.parametrize("size", ["0", "-1", "201", "many", "", "1e9", "9" * 5_000, "%00"])
def test_a_page_of_no_size_is_refused(size: str, api: Call, root: User) -> None:
    answer = api(root).get(f"companies/?page_size={size}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "cursor", ["x", "k1.", "k1.AAAA", "k9.AAAA", "1", "-1", "é", "A" * 400, "k1." + "A" * 60]
)
def test_a_cursor_of_ones_own_making_is_refused(cursor: str, api: Call, root: User) -> None:
    answer = api(root).get(f"companies/?{urlencode({'cursor': cursor})}")
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"cursor"})


def test_a_cursor_of_another_list_is_refused(api: Call, root: User, ten: list[str]) -> None:
    program = api(root)
    cursor = program.get("companies/?page_size=1").json()["next"].partition("cursor=")[2]
    assert program.get(f"roles/?cursor={cursor}").status_code == 400

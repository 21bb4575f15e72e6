"""How many statements a step of the sign-in takes, printed with `-s`: none of them takes one more than it does today.

The goal is five a step. Two of each are the audit chain's (its head, the rows); of the rest most are one row each that must be written.
"""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.journeys.doors import ApiDoor, Said, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def count(do: Callable[[], Said]) -> tuple[Said, list[str]]:
    """What was said, and the statements that it took, without those that begin and end transactions or wait for a turn."""
    with CaptureQueriesContext(connection) as queries:
        said = do()
    skipped = ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT", "SET CONSTRAINTS ALL IMMEDIATE")
    statements = [one["sql"] for one in queries]
    # The version row is read by a thread, four times a second; here it is asked for at every use.
    reads = [one for one in statements if 'SELECT "core_epoch"' not in one]
    return said, [one for one in reads if not one.startswith(skipped)]


def show(name: str, statements: list[str]) -> None:
    print(f"\n{name}: {len(statements)}")  # noqa: T201
    for one in statements:
        print("   ", one[:170])  # noqa: T201


def test_a_sign_in_over_the_api_keeps_to_so_many_statements(
    api: ApiDoor, ada: User, ben: User, post: Post, clock: Time
) -> None:
    warm = ApiDoor()
    sign_in(warm, ADA, PASSWORD)
    warm.take("code", code=post.code(ADA))
    warm.get(
        "/api/v1/me/"
    )  # outside of a unit: what one has read is remembered when it commits, which a test never does
    clock.forward(seconds=16)
    taken: dict[str, int] = {}
    said, statements = count(lambda: api.begin(ADA))
    taken["begin"] = len(statements)
    show("begin", statements)
    said, statements = count(lambda: api.take("password", password="not the one"))
    taken["wrong password"] = len(statements)
    show("wrong password", statements)
    said, statements = count(lambda: api.take("password", password=PASSWORD))
    assert said.step == "code"
    taken["password, which sends a code"] = len(statements)
    show("password, which sends a code", statements)
    said, statements = count(lambda: api.take("code", code="000000"))
    taken["wrong code"] = len(statements)
    show("wrong code", statements)
    code = post.code(ADA)
    said, statements = count(lambda: api.take("code", code=code))
    assert said.step == "done"
    taken["code, which signs in"] = len(statements)
    show("code, which signs in", statements)
    said, statements = count(lambda: api.get("/api/v1/me/"))
    taken["me, first"] = len(statements)
    said, statements = count(lambda: api.get("/api/v1/me/"))
    taken["me"] = len(statements)
    print(taken)  # noqa: T201
    most = {
        "begin": 3,
        "wrong password": 4,
        "password, which sends a code": 11,
        "wrong code": 9,
        "code, which signs in": 13,
        "me, first": 0,
        "me": 0,
    }
    assert {name: number for name, number in taken.items() if number > most[name]} == {}


def test_a_sign_in_by_password_alone_over_pages(web: WebDoor, ben: User) -> None:
    sign_in(web.stranger(), BEN, PASSWORD)
    web.begin(BEN)
    form = next(form for form in web.page.forms if "password" in form.values)

    def post() -> Said:
        token = form.values["csrfmiddlewaretoken"]
        fields = {"password": PASSWORD, "attempt": form.values["attempt"], "csrfmiddlewaretoken": token}
        answer = web.browser.post("/login/password/", fields)
        return Said(status=answer.status_code, step="done", refused=False, text="")

    said, statements = count(post)
    show("password on a page, which signs in", statements)
    assert said.status == 302
    assert len(statements) <= 13


def test_a_mailed_link(api: ApiDoor, ben: User, post: Post, clock: Time) -> None:
    warm = ApiDoor()
    warm.magic(BEN)
    warm.use(post.link(BEN))
    clock.forward(seconds=61)
    said, asked = count(lambda: api.magic(BEN))
    show("asks for a link", asked)
    assert not said.refused
    link = post.link(BEN)
    said, used = count(lambda: api.use(link))
    show("uses the link, which signs in", used)
    assert said.step == "done"
    assert len(asked) <= 4
    assert len(used) <= 10


def test_a_change_of_password_at_sign_in(api: ApiDoor, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(must_change_password=True)
    sign_in(api, BEN, PASSWORD)
    said, statements = count(
        lambda: api.take("change-password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    )
    show("change of password, which signs in", statements)
    assert said.step == "done"
    assert len(statements) <= 21  # one of them for a password that a lock-down took away


def test_what_a_role_gives_is_read_once_for_many_sign_ins(api: ApiDoor, ben: User) -> None:
    def roles_read() -> list[str]:
        _said, statements = count(lambda: sign_in(ApiDoor(), BEN, PASSWORD))
        return [one for one in statements if 'FROM "tenants_role"' in one]

    assert len(roles_read()) == 1
    assert roles_read() == []

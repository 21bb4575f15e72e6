"""People over REST: what an administrator may do, and what stays out of his reach."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from tenants.models import Company, Permission, Privilege, Role
from tests import cast
from tests.cast import Call

PASSWORD = "a long walk by the sea"


def new(**more: Any) -> dict[str, Any]:
    """The body of a new person."""
    return {"email": "dan@acme.example", "display_name": "Dan", "password": PASSWORD} | more


def role(name: str) -> str:
    """The id of a built-in role."""
    return str(Role.objects.get(name=name, company=None).uid)


def test_ada_makes_a_person_of_her_company(api: Call, ada: User, acme: Company) -> None:
    answer = api(ada).post("users/", new(roles=[role("Agent")], phone="+49 30 901820"))
    assert answer.status_code == 201
    said = answer.json()
    assert answer.headers["Location"] == f"/api/v1/users/{said['id']}/"
    assert (said["company"], said["roles"]) == (str(acme.uid), [role("Agent")])
    assert (said["username"], said["phone"], said["email_verified_at"]) == (
        "dan@acme.example",
        "+4930901820",
        None,
    )
    assert "password" not in said
    dan = User.objects.get(uid=said["id"])
    assert check_password(PASSWORD, dan.password)
    assert AuditEvent.objects.get(event="accounts:user:created").actor_uid == str(ada.uid)


def test_ada_reads_changes_and_deletes_ben(api: Call, ada: User, ben: User) -> None:
    program = api(ada)
    path = f"users/{ben.uid}/"
    assert program.get(path).json()["email"] == "ben@acme.example"
    answer = program.patch(path, {"display_name": "Benjamin", "must_change_password": True})
    assert (answer.status_code, answer.json()["display_name"]) == (200, "Benjamin")
    assert answer.json()["must_change_password"] is True
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404


def test_lists_show_whom_one_may_see(api: Call, root: User, ada: User, ben: User, cleo: User) -> None:
    def listed(user: User) -> set[str]:
        return {one["display_name"] for one in api(user).get("users/").json()["results"]}

    assert listed(root) == {"Root", "Ada", "Ben", "Cleo"}
    assert listed(ada) == {"Ada", "Ben"}
    assert listed(cleo) == {"Cleo"}
    assert api(ben).get("users/").status_code == 403


def test_filters_find_people(api: Call, root: User, ada: User, ben: User, acme: Company) -> None:
    program = api(root)

    def found(query: str) -> list[str]:
        return [one["display_name"] for one in program.get(f"users/?{query}").json()["results"]]

    assert found("email=BEN@Acme.example") == ["Ben"]
    assert set(found(f"company={acme.uid}")) == {"Ada", "Ben"}
    assert found(f"role={role('Member')}") == ["Ben"]
    assert found("is_active=false") == []


@pytest.mark.parametrize("method", ["get", "patch", "delete", "lock", "unlock", "password"])
def test_a_person_of_another_company_does_not_exist(method: str, api: Call, cleo: User, ben: User) -> None:
    program, path = api(cleo), f"users/{ben.uid}/"
    answer = {
        "get": lambda: program.get(path),
        "patch": lambda: program.patch(path, {"display_name": "X"}),
        "delete": lambda: program.delete(path),
        "lock": lambda: program.post(f"{path}lock/", {"reason": "x"}),
        "unlock": lambda: program.post(f"{path}unlock/"),
        "password": lambda: program.post(f"{path}password/", {"password": PASSWORD}),
    }[method]()
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    nobody = program.get("users/00000000-0000-4000-8000-000000000000/")
    assert nobody.json() == program.get(path).json()


def test_in_reach_without_the_privilege_is_forbidden(api: Call, acme: Company, ben: User) -> None:
    looker = cast.person("eva@acme.example", company=acme, role=cast.MEMBER)
    seeing = Role.objects.create(name="Looker", company=acme, rank=5)
    seeing.privileges.add(Privilege.objects.get(name="Users - View"))
    Permission.objects.create(role=seeing, kind="user", reach="own")
    looker.roles.add(seeing)
    program = api(looker)
    assert program.get(f"users/{ben.uid}/").status_code == 200
    for answer in (
        program.patch(f"users/{ben.uid}/", {"display_name": "X"}),
        program.delete(f"users/{ben.uid}/"),
        program.post("users/", new()),
        program.post(f"users/{ben.uid}/lock/", {"reason": "x"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "given",
    [{"roles": "full"}, {"company": None}, {"company": "globex"}, {"is_superuser": True}, {"rank": 100}],
)
def test_ada_cannot_make_somebody_above_or_outside_herself(
    given: dict[str, Any], api: Call, ada: User, ben: User, globex: Company
) -> None:
    body = dict(given)
    if body.get("roles"):
        body["roles"] = [role("Full Administrator")]
    if body.get("company"):
        body["company"] = str(globex.uid)
    for answer in (
        api(ada).post("users/", new(**body)),
        api(ada).patch(f"users/{ben.uid}/", body),
        api(ada).patch(f"users/{ada.uid}/", body),
    ):
        assert answer.status_code in {400, 403}
    assert User.objects.count() == 2
    ben.refresh_from_db()
    assert ben.roles.count() == 1


def test_reaching_too_far_is_written_down(api: Call, ada: User) -> None:
    answer = api(ada).post("users/", new(roles=[role("Full Administrator")]))
    assert answer.json()["code"] == "rank_too_high"
    event = AuditEvent.objects.get(event="portal:change:refused")
    assert event.actor_uid == str(ada.uid)
    assert event.details == {"code": "rank_too_high", "request": "POST /api/v1/users/"}


def test_foreign_ids_in_a_body_name_nothing(api: Call, ada: User, globex: Company) -> None:
    theirs = Role.objects.create(name="Theirs", company=globex, rank=1)
    answer = api(ada).post("users/", new(company=str(globex.uid), roles=[str(theirs.uid)]))
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"company", "roles"}
    unknown = api(ada).post("users/", new(company="00000000-0000-4000-8000-000000000000"))
    assert unknown.json()["errors"]["company"] == answer.json()["errors"]["company"]


def test_a_locked_person_is_unlocked_again(api: Call, ada: User, ben: User) -> None:
    bens, program = api(ben), api(ada)
    answer = program.post(f"users/{ben.uid}/lock/", {"reason": "Left the phone on a train"})
    assert answer.status_code == 200
    assert answer.json()["locked_reason"] == "Left the phone on a train"
    assert answer.json()["locked_at"] is not None
    assert bens.get("me/").status_code == 401
    answer = program.post(f"users/{ben.uid}/unlock/")
    assert answer.json()["locked_at"] is None
    assert program.post(f"users/{ben.uid}/unlock/").json()["code"] == "not_locked"


def test_a_new_password_ends_the_sessions_of_its_person(api: Call, ada: User, ben: User) -> None:
    bens = api(ben)
    assert api(ada).post(f"users/{ben.uid}/password/", {"password": PASSWORD}).status_code == 204
    assert bens.get("me/").status_code == 401
    ben.refresh_from_db()
    assert check_password(PASSWORD, ben.password)
    assert ben.must_change_password


@pytest.mark.parametrize("password", ["short", "password1234", "x" * 1_001, 123456789012, None])
def test_a_weak_password_is_refused_and_not_repeated(password: object, api: Call, ada: User) -> None:
    answer = api(ada).post("users/", new(password=password))
    assert answer.status_code == 400
    assert password is None or str(password) not in answer.content.decode()


def test_spaces_are_part_of_a_password(api: Call, ada: User) -> None:
    made = api(ada).post("users/", new(password=f" {PASSWORD} ")).json()
    assert check_password(f" {PASSWORD} ", User.objects.get(uid=made["id"]).password)


def test_nobody_ends_his_own_account(api: Call, ada: User) -> None:
    program = api(ada)
    for answer in (
        program.delete(f"users/{ada.uid}/"),
        program.patch(f"users/{ada.uid}/", {"is_active": False}),
        program.post(f"users/{ada.uid}/lock/", {"reason": "x"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "own_account")


def test_the_last_administrator_stays(api: Call, root: User) -> None:
    other = cast.person("two@portal.example", company=None, role=cast.FULL)
    program = api(other)
    assert program.delete(f"users/{root.uid}/").status_code == 204
    answer = program.patch(f"users/{other.uid}/", {"roles": []})
    assert answer.json()["code"] == "last_administrator"


def test_a_taken_address_is_a_conflict(api: Call, ada: User, ben: User) -> None:
    answer = api(ada).post("users/", new(email="BEN@acme.example"))
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    assert "email" in answer.json()["errors"]


def test_a_list_costs_the_same_for_five_and_for_fifty(api: Call, root: User, acme: Company) -> None:
    program = api(root)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get("users/?page_size=200").status_code == 200
        return len(asked)

    for number in range(5):
        cast.person(f"a{number}@acme.example", company=acme, role=cast.MEMBER)
    program.get("users/")
    few = cost()
    for number in range(45):
        cast.person(f"b{number}@acme.example", company=acme, role=cast.AGENT)
    assert cost() == few


def test_times_are_given_in_utc(api: Call, ada: User) -> None:
    said = api(ada).get(f"users/{ada.uid}/").json()["created_at"]
    assert said.endswith("Z")
    assert timezone.now() - timezone.datetime.fromisoformat(said) < timedelta(minutes=5)

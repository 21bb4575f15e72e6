"""Companies, roles, privileges and permissions over REST. What the verbs refuse is tested beside them."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tenants.models import Company, Permission, Privilege, Role
from tests.cast import Call


def privilege(name: str) -> str:
    """The id of one of our privileges."""
    return str(Privilege.objects.get(application="Gatehouse", name=name).uid)


def test_a_role_lives_from_creation_to_deletion(api: Call, ada: User, acme: Company) -> None:
    program = api(ada)
    made = program.post("roles/", {"name": "Lead", "rank": 30, "privileges": [privilege("Users - View")]})
    assert made.status_code == 201
    said = made.json()
    assert said == {
        "id": said["id"],
        "name": "Lead",
        "company": str(acme.uid),
        "rank": 30,
        "privileges": [privilege("Users - View")],
        "twofactor_policy": "",
        "is_built_in": False,
    }
    path = f"roles/{said['id']}/"
    changed = program.patch(path, {"rank": 20, "twofactor_policy": "required", "privileges": []})
    assert changed.json() == said | {"rank": 20, "twofactor_policy": "required", "privileges": []}
    assert program.get(path).json() == changed.json()
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404


def test_roles_of_everyone_are_seen_and_those_of_other_companies_are_not(
    api: Call, ada: User, cleo: User, globex: Company
) -> None:
    theirs = Role.objects.create(name="Theirs", company=globex)
    names = {one["name"] for one in api(ada).get("roles/").json()["results"]}
    assert names == {"Full Administrator", "Company Administrator", "Agent", "Member"}
    assert api(ada).get(f"roles/{theirs.uid}/").status_code == 404
    assert api(cleo).get(f"roles/{theirs.uid}/").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "X", "rank": 61}, 403, "rank_too_high"),
        ({"name": "X", "rank": 101}, 400, "invalid"),
        ({"name": "X", "company": None}, 403, "forbidden"),
        ({"name": "X", "is_built_in": True}, 400, "invalid"),
        ({"name": "X", "twofactor_policy": "never"}, 400, "invalid"),
        ({"name": "X", "privileges": ["held not"]}, 400, "invalid"),
        ({"name": "X", "privileges": ["Companies - Manage"]}, 403, "privilege_not_held"),
        ({}, 400, "invalid"),
    ],
)
def test_a_role_too_high_or_malformed_is_refused(
    body: dict[str, Any], status: int, code: str, api: Call, ada: User
) -> None:
    if body.get("privileges") == ["Companies - Manage"]:
        body = body | {"privileges": [privilege("Companies - Manage")]}
    answer = api(ada).post("roles/", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_change_of_a_role_reaches_its_people_at_once(
    api: Call, root: User, ada: User, acme: Company
) -> None:
    role = Role.objects.create(name="Seer", company=acme, rank=5)
    ada.roles.set([role])
    adas = api(ada)
    assert adas.get("users/").status_code == 403
    Permission.objects.create(role=role, kind="user", reach="own")
    api(root).patch(f"roles/{role.uid}/", {"privileges": [privilege("Users - View")]})
    assert adas.get("users/").status_code == 200


def test_permissions_live_from_creation_to_deletion(api: Call, ada: User, ben: User, acme: Company) -> None:
    program = api(ada)
    made = program.post("permissions/", {"user": str(ben.uid), "kind": "user"})
    assert made.status_code == 201
    said = made.json()
    assert (said["user"], said["role"], said["reach"], said["company"]) == (str(ben.uid), None, "own", None)
    path = f"permissions/{said['id']}/"
    changed = program.patch(path, {"kind": "audit", "reach": "one", "company": str(acme.uid)})
    assert changed.json() == said | {"kind": "audit", "reach": "one", "company": str(acme.uid)}
    listed = program.get(f"permissions/?user={ben.uid}").json()["results"]
    assert listed == [changed.json()]
    assert program.delete(path).status_code == 204


def test_a_permission_out_of_reach_is_refused_as_the_verb_says(
    api: Call, ada: User, ben: User, globex: Company
) -> None:
    program = api(ada)
    answer = program.post("permissions/", {"user": str(ben.uid), "kind": "user", "reach": "every"})
    assert (answer.status_code, answer.json()["code"]) == (403, "reach_not_held")
    answer = program.post(
        "permissions/", {"user": str(ben.uid), "kind": "user", "reach": "one", "company": str(globex.uid)}
    )
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"company"})


def test_the_catalogue_is_read_by_administrators_and_changed_by_root(
    api: Call, root: User, ada: User, ben: User
) -> None:
    body = {"application": "Shop", "name": "Refund", "description": "Give money back."}
    assert api(ada).post("privileges/", body).json()["code"] == "forbidden"
    made = api(root).post("privileges/", body)
    assert made.status_code == 201
    path = f"privileges/{made.json()['id']}/"
    assert api(ada).get(path).json() == made.json()
    assert api(ada).get("privileges/?application=Shop").json()["results"] == [made.json()]
    assert api(ben).get(path).status_code == 403
    assert api(root).patch(path, {"name": "Repay"}).json()["name"] == "Repay"
    assert api(root).delete(path).status_code == 204
    assert api(root).delete(f"privileges/{privilege('Users - View')}/").json()["code"] == "built_in"


def test_companies_are_made_by_root_and_seen_by_their_own(
    api: Call, root: User, ada: User, acme: Company
) -> None:
    made = api(root).post("companies/", {"name": "Initech"})
    assert made.status_code == 201
    path = f"companies/{made.json()['id']}/"
    assert api(root).patch(path, {"name": "Initrode"}).json()["name"] == "Initrode"
    assert [one["name"] for one in api(ada).get("companies/").json()["results"]] == ["Acme"]
    assert api(ada).get(path).status_code == 404
    assert api(ada).patch(path, {"name": "Mine"}).status_code == 404
    assert api(ada).patch(f"companies/{acme.uid}/", {"name": "Mine"}).json()["code"] == "forbidden"
    assert api(root).delete(f"companies/{acme.uid}/").json()["code"] == "in_use"
    assert api(root).delete(path).status_code == 204


@pytest.mark.parametrize("path", ["roles/", "permissions/", "companies/", "privileges/"])
def test_lists_cost_the_same_whatever_their_length(path: str, api: Call, root: User, ben: User) -> None:
    program = api(root)

    def grow(times: int, word: str) -> None:
        for number in range(times):
            company = Company.objects.create(name=f"{word} {number}")
            role = Role.objects.create(name=f"{word} {number}", company=company)
            made = Privilege.objects.create(application="Shop", name=f"{word} {number}")
            role.privileges.add(made)
            Permission.objects.create(role=role, kind="user", reach="one", company=company)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get(f"{path}?page_size=100").status_code == 200
        return len(asked)

    grow(2, "few")
    program.get(path)
    few = cost()
    grow(20, "many")
    assert cost() == few

"""Roles and permissions of external people over REST, judged by everything that they would give."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import AuditEvent
from configserver.models import Permission, Person, Privilege, Role
from tenants.models import Privilege as PortalPrivilege
from tests import directory
from tests.cast import Call

NOBODY = "00000000-0000-4000-8000-000000000000"
MONITOR = {"application": "Workspace", "name": "Agent - Can Monitor Co-browse"}
SETTINGS = {"application": "Gatehouse", "name": "Settings - Manage"}


@pytest.fixture
def lou(ben: User) -> User:
    """Manages the directories of the whole installation with rank 30, sees people, and may work with co-browse sessions."""
    directory.lets_see_everything(ben, "Directories - View", "Directories - Manage", "Users - View")
    ben.roles.get(rank=30).privileges.add(PortalPrivilege.objects.get(**MONITOR))
    return ben


def test_a_role_lives_from_creation_to_deletion(api: Call, root: User) -> None:
    program = api(root)
    body = {"name": "Agent", "rank": 20, "description": "Talks.", "privileges": [MONITOR]}
    answer = program.post("directory-roles/", body)
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert answer.headers["Location"] == f"/api/v1/directory-roles/{said['id']}/"
    assert said == {"id": said["id"], "package": "", **body}
    path = f"directory-roles/{said['id']}/"
    other = {"application": "Reports", "name": "View"}
    changed = program.patch(path, {"rank": 5, "privileges": [other, MONITOR, other]})
    assert changed.json() == said | {"rank": 5, "privileges": [other, MONITOR]}
    assert program.get(path).json() == changed.json()
    assert program.patch(path, {"privileges": []}).json()["privileges"] == []
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404
    events = AuditEvent.objects.filter(event__startswith="configserver:role:", actor_uid=str(root.uid))
    assert events.count() == 4


def test_a_change_of_a_role_ends_what_its_people_hold(api: Call, root: User) -> None:
    role = directory.role("Agent")
    dora = directory.person("dora", tenant=directory.tenant(101), roles=[role])
    program, path = api(root), f"directory-roles/{role.uid}/"
    program.patch(path, {"description": "Talks."})
    assert Person.objects.get().version == dora.version
    program.patch(path, {"privileges": [MONITOR]})
    assert Person.objects.get().version == dora.version + 1
    answer = program.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")


def test_nobody_makes_or_changes_a_role_above_himself(api: Call, lou: User) -> None:
    program = api(lou)
    chief, rich = (
        directory.role("Chief", rank=31),
        directory.role("Rich", privileges=[tuple(SETTINGS.values())]),
    )
    for answer, code in (
        (program.post("directory-roles/", {"name": "New", "rank": 31}), "rank_too_high"),
        (program.post("directory-roles/", {"name": "New", "privileges": [SETTINGS]}), "privilege_not_held"),
        (program.patch(f"directory-roles/{chief.uid}/", {"rank": 1}), "rank_too_high"),
        (program.delete(f"directory-roles/{chief.uid}/"), "rank_too_high"),
        (program.patch(f"directory-roles/{rich.uid}/", {"privileges": []}), "privilege_not_held"),
        (program.delete(f"directory-roles/{rich.uid}/"), "privilege_not_held"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    made = program.post("directory-roles/", {"name": "New", "rank": 30, "privileges": [MONITOR]})
    assert made.status_code == 201
    raised = program.patch(f"directory-roles/{made.json()['id']}/", {"rank": 31})
    assert (raised.json()["code"], set(raised.json()["errors"])) == ("rank_too_high", {"rank"})
    assert Role.objects.count() == 3


def test_a_taken_name_is_a_conflict(api: Call, root: User) -> None:
    program = api(root)
    directory.role("Agent")
    other = directory.role("Other")
    for answer in (
        program.post("directory-roles/", {"name": "Agent"}),
        program.patch(f"directory-roles/{other.uid}/", {"name": "Agent"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_filters_find_roles(api: Call, root: User) -> None:
    directory.role("Agent")
    Role.objects.create(name="Analyst", package="IA Roles")

    def found(query: str) -> list[str]:
        return [one["name"] for one in api(root).get(f"directory-roles/?{query}").json()["results"]]

    assert found("name=Agent") == ["Agent"]
    assert found("package=IA%20Roles") == ["Analyst"]
    assert api(root).get("directory-roles/?rank=10").status_code == 400


@pytest.mark.parametrize("path", ["directory-roles/", "directory-permissions/"])
def test_for_a_company_administrator_there_is_none(path: str, api: Call, ada: User, ben: User) -> None:
    role = directory.role("Agent", opens=["user"])
    one = f"{path}{role.uid if 'roles' in path else role.permissions.get().uid}/"
    ada.roles.get().privileges.add(*directory.portal_privileges("Directories - View", "Directories - Manage"))
    program = api(ada)
    assert program.get(path).json()["results"] == []
    for answer in (program.get(one), program.patch(one, {}), program.delete(one)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert api(ben).get(path).json()["code"] == "forbidden"
    assert api(ben).get(one).status_code == 404
    assert api(None).get(one).status_code == 401
    assert program.post("directory-roles/", {"name": "Mine"}).json()["code"] == "forbidden"
    # The role does not exist for her, so a permission cannot name it.
    refused = program.post("directory-permissions/", {"role": str(role.uid), "kind": "user"})
    assert (refused.status_code, set(refused.json()["errors"])) == (400, {"role"})


def test_who_only_views_changes_nothing(api: Call, ben: User) -> None:
    directory.lets_see_everything(ben, "Directories - View")
    role = directory.role("Agent", opens=["user"])
    program = api(ben)
    for path in (f"directory-roles/{role.uid}/", f"directory-permissions/{role.permissions.get().uid}/"):
        assert program.get(path).status_code == 200
        for answer in (program.patch(path, {}), program.delete(path)):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert program.post("directory-roles/", {"name": "Mine"}).status_code == 403
    body = {"role": str(role.uid), "kind": "user"}
    assert program.post("directory-permissions/", body).status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7),
        ("name", ""),
        ("name", None),
        ("name", "x" * 121),
        ("name", "a\x00b"),
        ("rank", 101),
        ("rank", -1),
        ("rank", "7"),
        ("rank", True),
        ("rank", 10**30),
        ("description", "x" * 301),
        ("privileges", "x"),
        ("privileges", {"application": "x", "name": "y"}),
        ("privileges", ["x"]),
        ("privileges", [None]),
        ("privileges", [{"application": "x"}]),
        ("privileges", [{"application": "x", "name": ""}]),
        ("privileges", [{"application": "x" * 81, "name": "y"}]),
        ("privileges", [{"application": "x", "name": "y" * 121}]),
        ("privileges", [{"application": "x", "name": "y", "id": 1}]),
        ("privileges", [MONITOR] * 2_001),
        ("package", "IA Roles"),
        ("uid", NOBODY),
    ],
)
def test_a_value_that_does_not_fit_is_named(field: str, value: object, api: Call, root: User) -> None:
    program, role = api(root), directory.role("Agent")
    for answer in (
        program.post("directory-roles/", {"name": "New"} | {field: value}),
        program.patch(f"directory-roles/{role.uid}/", {field: value}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.json()
        assert next(iter(answer.json()["errors"])).startswith(field)
    assert Role.objects.count() == 1
    assert not Privilege.objects.exists()


# --- permissions -----------------------------------------------------------------------------------------------------------------


def test_a_permission_lives_from_creation_to_deletion(api: Call, root: User) -> None:
    program, role, tenant = api(root), directory.role("Agent"), directory.tenant(101)
    answer = program.post("directory-permissions/", {"role": str(role.uid), "kind": "user"})
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert answer.headers["Location"] == f"/api/v1/directory-permissions/{said['id']}/"
    whole = {"person": None, "role": str(role.uid), "kind": "user", "reach": "own", "tenant": None}
    assert said == {"id": said["id"], **whole}
    path = f"directory-permissions/{said['id']}/"
    changed = program.patch(path, {"kind": "audit", "reach": "one", "tenant": str(tenant.uid)})
    assert changed.json() == said | {"kind": "audit", "reach": "one", "tenant": str(tenant.uid)}
    assert program.get(path).json() == changed.json()
    assert program.get(f"directory-permissions/?role={role.uid}").json()["results"] == [changed.json()]
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404


def test_a_person_may_get_one_alone(api: Call, root: User) -> None:
    dora = directory.person("dora", tenant=directory.tenant(101))
    program = api(root)
    body = {"person": str(dora.uid), "kind": "*", "reach": "every"}
    said = program.post("directory-permissions/", body).json()
    assert (said["person"], said["role"], said["reach"]) == (str(dora.uid), None, "every")
    assert program.get(f"directory-permissions/?person={dora.uid}").json()["results"] == [said]
    assert Person.objects.get().version == dora.version + 1


def test_nobody_lets_somebody_see_or_hold_more_than_himself(api: Call, lou: User) -> None:
    program = api(lou)
    chief = directory.role("Chief", rank=31, opens=["user"])
    low = directory.role("Low", rank=1)
    dora = directory.person("dora", tenant=directory.tenant(101), roles=[chief])
    there = f"directory-permissions/{chief.permissions.get().uid}/"
    for answer in (
        program.post("directory-permissions/", {"role": str(chief.uid), "kind": "audit"}),
        program.post("directory-permissions/", {"person": str(dora.uid), "kind": "audit"}),
        program.patch(there, {"kind": "audit"}),
        program.delete(there),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "rank_too_high"), answer.json()
    allowed = program.post("directory-permissions/", {"role": str(low.uid), "kind": "user", "reach": "every"})
    assert allowed.status_code == 201
    assert Permission.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "agent", "kind": "nonsense"}, "kind"),
        ({"role": "agent", "kind": ""}, "kind"),
        ({"role": "agent", "kind": 7}, "kind"),
        ({"role": "agent", "kind": "x" * 21}, "kind"),
        ({"role": "agent"}, "kind"),
        ({"role": "agent", "kind": "user", "reach": "far"}, "reach"),
        ({"role": "agent", "kind": "user", "reach": "one"}, "tenant"),
        ({"role": "agent", "kind": "user", "tenant": "acme"}, "tenant"),
        ({"role": "agent", "kind": "user", "reach": "one", "tenant": NOBODY}, "tenant"),
        ({"role": "agent", "kind": "user", "reach": "one", "tenant": 101}, "tenant"),
        ({"role": "agent", "person": "dora", "kind": "user"}, "person"),
        ({"kind": "user"}, "person"),
        ({"role": NOBODY, "kind": "user"}, "role"),
        ({"role": 7, "kind": "user"}, "role"),
        ({"person": NOBODY, "kind": "user"}, "person"),
        ({"role": "agent", "kind": "user", "company": NOBODY}, "company"),
    ],
)
def test_a_permission_that_is_none_is_refused(
    body: dict[str, Any], field: str, api: Call, root: User
) -> None:
    tenant = directory.tenant(101)
    named = {
        "agent": str(directory.role("Agent").uid),
        "dora": str(directory.person("dora", tenant=tenant).uid),
        "acme": str(tenant.uid),
    }
    sent = {
        name: named.get(value, value) if isinstance(value, str) else value for name, value in body.items()
    }
    answer = api(root).post("directory-permissions/", sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.json()
    assert set(answer.json()["errors"]) == {field}
    assert not Permission.objects.exists()


def test_a_permission_stays_with_its_holder(api: Call, root: User) -> None:
    role, other = directory.role("Agent", opens=["user"]), directory.role("Other")
    path = f"directory-permissions/{role.permissions.get().uid}/"
    answer = api(root).patch(path, {"role": str(other.uid)})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"role"})


@pytest.mark.parametrize("path", ["directory-roles/", "directory-permissions/"])
def test_a_create_that_is_sent_twice_makes_one(path: str, api: Call, root: User) -> None:
    role = directory.role("Agent")
    body = {"name": "New"} if "roles" in path else {"role": str(role.uid), "kind": "user"}
    program, key = api(root), {"Idempotency-Key": "new"}
    first, again = (program.post(path, body, key) for _time in range(2))
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("path", ["directory-roles/", "directory-permissions/", "tenants/"])
def test_lists_cost_the_same_whatever_their_length(path: str, api: Call, root: User) -> None:
    program = api(root)

    def grow(times: int, first: int) -> None:
        for number in range(first, first + times):
            tenant = directory.tenant(100 + number)
            role = directory.role(f"Role {number}", privileges=[("Shop", f"{number}")])
            Permission.objects.create(role=role, kind="user", reach="one", tenant=tenant)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get(f"{path}?page_size=100").status_code == 200
        return len(asked)

    grow(2, 0)
    program.get(path)
    few = cost()
    grow(20, 2)
    assert cost() == few

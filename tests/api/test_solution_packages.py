"""Role packages over REST: an XML file as the body, looked at or applied, and rolled back."""

from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import User
from configserver.models import Person, Role, SolutionPackage
from tests import directory
from tests.cast import Api, Browse, Call
from tests.configserver.packages import AGENT, ANALYST, applied, package
from tests.configserver.spd_files import SAMPLE, install

XML = "application/xml"
NOBODY = "00000000-0000-4000-8000-000000000000"
PATH = "solution-packages/"


def post(program: Api, data: bytes, *, query: str = "", kind: str = XML, **headers: str) -> Any:
    """Send a file."""
    return program.post(f"{PATH}{query}", data, {"Content-Type": kind, **headers})


def is_problem(answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The problem that this answer must be."""
    said: dict[str, Any] = answer.json()
    assert (answer.status_code, said["code"]) == (status, code), said
    assert answer.headers["Content-Type"] == "application/problem+json"
    return said


def test_the_sample_is_looked_at_applied_read_and_rolled_back(api: Call, root: User) -> None:
    program, data = api(root), SAMPLE.read_bytes()
    looked = post(program, data, query="?dry_run=1")
    assert looked.status_code == 200
    plan = looked.json()
    assert (plan["name"], plan["version"], plan["passed_over"], plan["refusal"]) == (
        "IA Roles",
        "1.0.0",
        0,
        None,
    )
    difference = plan["difference"]
    assert (difference["changed"], difference["removed"], difference["taken_over"]) == ([], [], [])
    assert difference["added"][-1] == {
        "name": "Contact Centre Agent",
        "rank": 20,
        "description": "Talks with customers and sees the page that they see.",
        "privileges": [{"application": "Workspace", "name": "Agent - Can Monitor Co-browse"}],
        "permissions": [],
    }
    assert difference["added"][0]["permissions"][0] == {"kind": "user", "reach": "own", "tenant_dbid": None}
    assert not Role.objects.exists()

    answer = post(program, data)
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    path = f"{PATH}{said['id']}/"
    assert answer.headers["Location"] == f"/api/v1/{path}"
    assert said == {
        "id": said["id"],
        "name": "IA Roles",
        "version": "1.0.0",
        "description": "Roles of a contact centre and what people with them may do.",
        "summary": said["summary"],
        "deploymentkey": "ia-roles",
        "roles": [role["name"] for role in difference["added"]],
        "applied_at": said["applied_at"],
        "applied_by": "root@portal.example",
        "rolled_back_at": None,
    }
    assert program.get(path).json() == said
    assert program.get(PATH).json()["results"] == [said]
    assert program.get("directory-roles/?package=IA%20Roles").json()["results"][0]["package"] == "IA Roles"

    looked = program.post(f"{path}rollback/?dry_run=true")
    assert looked.status_code == 200
    assert [role["name"] for role in looked.json()["difference"]["removed"]] == said["roles"]
    assert looked.json()["refusal"] is None
    assert Role.objects.count() == 4
    back = program.post(f"{path}rollback/")
    assert (back.status_code, back.json()["rolled_back_at"] is not None) == (200, True)
    assert not Role.objects.exists()
    is_problem(program.post(f"{path}rollback/"), 409, "rolled_back")


def test_what_changes_is_told_from_before_to_after(api: Call, root: User) -> None:
    directory.tenant(101)
    applied(package(AGENT, ANALYST))
    other = (
        '<cfg:role name="Agent" rank="5" description="Talks."><cfg:privilege application="Workspace" name="Chat"/>'
        '<cfg:permission kind="user" reach="one" tenant="101"/></cfg:role>'
    )
    directory.role("Clerk")
    data = package(other, '<cfg:role name="Clerk" rank="20"/>', version="2")
    said = post(api(root), data, query="?dry_run=1").json()["difference"]
    assert said["changed"] == [
        {
            "name": "Agent",
            "rank_before": 20,
            "rank_after": 5,
            "description_before": "",
            "description_after": "Talks.",
            "privileges_added": [{"application": "Workspace", "name": "Chat"}],
            "privileges_removed": [{"application": "Workspace", "name": "Monitor"}],
            "permissions_added": [{"kind": "user", "reach": "one", "tenant_dbid": 101}],
            "permissions_removed": [],
        }
    ]
    assert [role["name"] for role in said["removed"]] == ["Analyst"]
    assert said["taken_over"] == ["Clerk"]


def test_a_dry_run_says_what_the_request_would_get(api: Call, root: User) -> None:
    applied(package(AGENT))
    directory.person("dora", tenant=directory.tenant(101), roles=[Role.objects.get()])
    program, data = api(root), package(ANALYST, version="2")
    looked = post(program, data, query="?dry_run=1")
    assert looked.status_code == 200
    said = is_problem(post(program, data), 409, "in_use")
    assert looked.json()["refusal"] == {"code": "in_use", "detail": said["detail"]}
    assert "“Agent”" in said["detail"]
    assert "1 person" in said["detail"]
    assert Person.objects.get().version == 1


def test_the_same_version_again_is_a_conflict(api: Call, root: User) -> None:
    program = api(root)
    assert post(program, package(AGENT)).status_code == 201
    is_problem(post(program, package(AGENT)), 409, "package_exists")


def test_sent_twice_under_one_key_it_is_applied_once(api: Call, root: User) -> None:
    program, key = api(root), {"Idempotency-Key": "roles"}
    looked = post(program, package(AGENT), query="?dry_run=1", **key)
    first, again = (post(program, package(AGENT), **key) for _time in range(2))
    # What was only looked at under this key is not taken for what was done.
    assert (looked.status_code, first.status_code, again.status_code) == (200, 201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    is_problem(post(program, package(ANALYST), **key), 422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("data", "fault", "line"),
    [
        (b"", "xml", 1),
        (b"{}", "xml", 1),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "dtd", 1),
        (install('<cfg:role name="A" rank="101"/>').encode(), "rank", 5),
        (install('\n\n<cfg:role name="A"><cfg:right/></cfg:role>').encode(), "unexpected_element", 7),
        (install("").encode(), "no_roles", None),
    ],
)
@pytest.mark.parametrize("query", ["", "?dry_run=1"])
def test_what_is_no_package_is_refused_with_its_fault_and_line(
    query: str, data: bytes, fault: str, line: int | None, api: Call, root: User
) -> None:
    said = is_problem(post(api(root), data, query=query), 400, "bad_package")
    assert (said["fault"], said.get("line")) == (fault, line)
    assert said["detail"].startswith(f"Line {line}: ") == (line is not None)
    assert not SolutionPackage.objects.exists()


def test_a_tenant_that_there_is_not_is_a_conflict(api: Call, root: User) -> None:
    role = '<cfg:role name="A"><cfg:permission kind="user" reach="one" tenant="4711"/></cfg:role>'
    is_problem(post(api(root), package(role)), 409, "unknown_tenant")


def test_more_than_a_megabyte_is_refused(api: Call, root: User) -> None:
    is_problem(post(api(root), b" " * 1_000_001), 413, "too_large")


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/xml+x", ""]
)
def test_another_kind_of_body_is_refused(kind: str, api: Call, root: User) -> None:
    for more in ({}, {"Idempotency-Key": "x"}):
        is_problem(post(api(root), package(AGENT), kind=kind, **more), 415, "unsupported_media_type")
    assert post(api(root), package(AGENT), kind=f"{XML}; charset=utf-8").status_code == 201


def test_rolling_back_takes_no_file_and_no_fields(api: Call, root: User) -> None:
    program = api(root)
    path = f"{PATH}{applied(package(AGENT)).uid}/rollback/"
    is_problem(program.post(path, package(AGENT), {"Content-Type": XML}), 415, "unsupported_media_type")
    is_problem(program.post(path, {"force": True}), 400, "invalid")


@pytest.mark.parametrize("query", ["dry_run=perhaps", "dry_run=", "dryrun=1", "dry_run=1&force=1"])
def test_a_question_that_makes_no_sense_is_refused_and_nothing_done(
    query: str, api: Call, root: User
) -> None:
    program, done = api(root), applied(package(ANALYST, name="Other"))
    is_problem(post(program, package(AGENT), query=f"?{query}"), 400, "invalid")
    is_problem(program.post(f"{PATH}{done.uid}/rollback/?{query}"), 400, "invalid")
    assert SolutionPackage.objects.get().rolled_back_at is None


def test_filters_find_packages(api: Call, root: User) -> None:
    program = api(root)
    done = applied(package(AGENT))
    applied(package(ANALYST, name="Other"))
    program.post(f"{PATH}{done.uid}/rollback/")

    def found(query: str) -> list[str]:
        return [one["name"] for one in program.get(f"{PATH}?{query}").json()["results"]]

    assert found("") == ["Other", "Roles"]
    assert found("is_applied=true") == ["Other"]
    assert found("name=Roles") == found("is_applied=0") == ["Roles"]
    for query in ("version=1", "is_applied=x", "name=%00", "dry_run=1"):
        is_problem(program.get(f"{PATH}?{query}"), 400, "invalid")


def test_packages_are_neither_changed_nor_deleted(api: Call, root: User) -> None:
    program, done = api(root), applied(package(AGENT))
    is_problem(program.patch(f"{PATH}{done.uid}/", {"name": "X"}), 405, "method_not_allowed")
    is_problem(program.delete(f"{PATH}{done.uid}/"), 405, "method_not_allowed")


def test_nobody_applies_or_takes_back_more_than_he_has(api: Call, ben: User) -> None:
    directory.lets_see_everything(ben, "Directories - View", "Directories - Manage")
    program = api(ben)
    chief = package('<cfg:role name="Chief" rank="31"/>')
    said = is_problem(post(program, chief), 403, "rank_too_high")
    assert "“Chief”" in said["detail"]
    assert post(program, chief, query="?dry_run=1").json()["refusal"]["code"] == "rank_too_high"
    done = applied(chief)
    is_problem(program.post(f"{PATH}{done.uid}/rollback/"), 403, "rank_too_high")
    assert post(program, package(AGENT, name="Other")).status_code == 201


def test_for_a_company_administrator_there_is_no_package(api: Call, ada: User, ben: User) -> None:
    path = f"{PATH}{applied(package(AGENT)).uid}/"
    ada.roles.get().privileges.add(*directory.portal_privileges("Directories - View", "Directories - Manage"))
    program = api(ada)
    assert program.get(PATH).json()["results"] == []
    for answer in (program.get(path), program.post(f"{path}rollback/")):
        assert answer.json() == program.get(f"{PATH}{NOBODY}/").json()
    for query in ("", "?dry_run=1"):
        is_problem(program.post(f"{path}rollback/{query}"), 404, "not_found")
        is_problem(post(program, package(ANALYST), query=query), 403, "forbidden")
    is_problem(api(ben).get(PATH), 403, "forbidden")
    is_problem(post(api(ben), package(ANALYST)), 403, "forbidden")
    is_problem(post(api(None), package(ANALYST)), 401, "unauthenticated")
    is_problem(api(ben).get(path), 404, "not_found")


def test_who_only_views_reads_and_does_nothing(api: Call, ben: User) -> None:
    directory.lets_see_everything(ben, "Directories - View")
    program, path = api(ben), f"{PATH}{applied(package(AGENT)).uid}/"
    assert program.get(path).status_code == 200
    is_problem(post(program, package(ANALYST)), 403, "forbidden")
    is_problem(program.post(f"{path}rollback/"), 403, "forbidden")


def test_a_page_needs_its_token_for_a_file_too(browser: Browse, root: User) -> None:
    page = browser(root, enforce_csrf_checks=True)
    answer = page.post(f"/api/v1/{PATH}", package(AGENT), content_type=XML)
    is_problem(answer, 403, "csrf_failed")
    assert not Role.objects.exists()

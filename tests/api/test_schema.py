"""The API describes itself truly: what the schema says is what is answered."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.urls import get_resolver
from django.utils import timezone
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from accounts.models import User
from portal.api import STATUS
from tenants.models import Permission
from tests import directory
from tests.cast import Call
from tests.configserver.packages import ANALYST, applied, package

APPS = (
    "core",
    "audit",
    "delivery",
    "configserver",
    "tenants",
    "accounts",
    "twofactor",
    "cobrowse",
    "login",
    "portal",
)


def whole_directory() -> None:
    """One object of each kind that the Configuration Server keeps, with nothing left out."""
    tenant, role = directory.tenant(101), directory.role("Agent", privileges=[("Shop", "Refund")])
    staff = directory.ldap("Staff")
    staff.groups.create(group="cn=agents", role=role)
    staff.tenant_values.create(value="Acme", tenant=tenant)
    now = timezone.now()
    staff.seen.create(server="ldaps://x", checked_at=now, since=now, ok=True, certificate_expires_at=now)
    person = directory.person("dora", tenant=tenant, roles=[role], directory=staff, password="x")
    person.permissions.create(kind="user", reach="one", tenant=tenant)
    applied(package(ANALYST))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema as it is served."""
    return dict(SchemaGenerator().get_schema(request=None, public=True))


def validator(schema: dict[str, Any], component: str) -> Draft202012Validator:
    """Checks a value against one of the schema's components."""
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{component}", "components": schema["components"]}
    )


def test_it_is_made_without_a_warning(tmp_path: Path) -> None:
    GENERATOR_STATS.reset()
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


def test_it_is_openapi_3_1_and_readable_by_anybody(api: Call) -> None:
    answer = api(None).get("/api/schema/", Accept="*/*")
    assert answer.status_code == 200
    assert yaml.safe_load(answer.content)["openapi"] == "3.1.0"
    assert api(None).get("/api/docs/", Accept="text/html").status_code == 200


def test_every_address_of_the_api_stands_in_it(schema: dict[str, Any]) -> None:
    def addresses(patterns: list[Any], before: str = "/") -> set[str]:
        found: set[str] = set()
        for one in patterns:
            path = before + str(one.pattern).lstrip("^/")
            found |= addresses(one.url_patterns, path) if hasattr(one, "url_patterns") else {path}
        return found

    every = addresses(get_resolver().url_patterns)
    ours = {path for path in every if path.startswith(("/api/v1/", "/api/1/", "/cobrowse/rest/"))}
    described = {path.replace("{", "<").replace("}", ">") for path in schema["paths"]}
    assert {re.sub(r"<[a-z]+:", "<", path) for path in ours} == described


def test_every_operation_names_its_answers_and_its_refusals(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["description"], where
            answers = operation["responses"]
            assert {"400", "406", "429", "503"} <= set(answers), where
            for code, answer in answers.items():
                if code >= "400":
                    assert "application/problem+json" in answer["content"], where
                elif code != "204" and path != "/cobrowse/rest/authtoken":  # which is text
                    assert answer["content"]["application/json"]["schema"], where
            secured = operation.get("security", [])
            usual, agents = [{"bearer": []}, {"session": []}], [{"agent": []}, {"agentSession": []}]
            clients = ([{"client": []}, *usual], [{"client": []}, {}])
            assert secured in (usual, *clients, agents, [*agents, {}], [], [{}]), where
            if secured and secured != [{}]:
                assert "401" in answers, where


def test_creates_take_an_idempotency_key(schema: dict[str, Any]) -> None:
    for path in (
        "users",
        "companies",
        "roles",
        "privileges",
        "permissions",
        "persons",
        "tenants",
        "directories",
        "directory-roles",
        "directory-permissions",
        "solution-packages",
    ):
        names = {one["name"] for one in schema["paths"][f"/api/v1/{path}/"]["post"]["parameters"]}
        assert "Idempotency-Key" in names, path


@pytest.mark.parametrize(
    ("path", "component"),
    [
        ("users/", "User"),
        ("companies/", "Company"),
        ("roles/", "Role"),
        ("privileges/", "Privilege"),
        ("permissions/", "Permission"),
        ("persons/", "Person"),
        ("tenants/", "Tenant"),
        ("directories/", "Directory"),
        ("directory-roles/", "DirectoryRole"),
        ("directory-permissions/", "DirectoryPermission"),
        ("solution-packages/", "SolutionPackage"),
        ("sessions/", "Session"),
        ("audit-events/", "AuditEvent"),
        ("me/", "Me"),
        ("settings/", "Setting"),
    ],
)
def test_answers_are_what_the_schema_says(
    path: str, component: str, schema: dict[str, Any], api: Call, root: User, ada: User, ben: User
) -> None:
    Permission.objects.create(user=ben, kind="user", reach="one", company=ben.company)
    whole_directory()
    said = api(root).get(path).json()
    rows = said if isinstance(said, list) else said.get("results", [said])
    assert rows
    check = validator(schema, component)
    for row in rows:
        check.validate(row)
        properties = schema["components"]["schemas"][component]["properties"]
        assert set(row) == set(properties)


def test_refusals_are_what_the_schema_says(schema: dict[str, Any], api: Call, ada: User) -> None:
    check = validator(schema, "Problem")
    program = api(ada)
    for answer in (
        api(None).get("me/"),
        program.post("roles/", {}),
        program.post("roles/", b"{"),
        program.get("users/x/"),
        program.post("roles/", {"name": "x", "rank": 99}),
    ):
        check.validate(answer.json())


def test_every_refusal_has_its_place_in_the_one_table() -> None:
    codes = set()
    for app in APPS:
        for file in (settings.BASE_DIR / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Denied":
                    codes |= {
                        keyword.value.value
                        for keyword in node.keywords
                        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
                    }
    assert codes - set(STATUS) == set()


def test_a_file_is_taken_as_xml_and_a_dry_run_is_told(schema: dict[str, Any], api: Call, root: User) -> None:
    operation = schema["paths"]["/api/v1/solution-packages/"]["post"]
    assert set(operation["requestBody"]["content"]) == {"application/xml"}
    assert {"200", "201", "409", "415"} <= set(operation["responses"])
    back = schema["paths"]["/api/v1/solution-packages/{id}/rollback/"]["post"]
    for one in (operation, back):
        assert "dry_run" in {parameter["name"] for parameter in one["parameters"]}
    assert set(back["requestBody"]["content"]) == {"application/json"}
    whole_directory()
    data = package('<cfg:role name="Agent" rank="3"/>', name="Other")
    said = api(root).post("solution-packages/?dry_run=1", data, {"Content-Type": "application/xml"})
    assert said.json()["difference"]["changed"]
    assert said.json()["refusal"] is None
    validator(schema, "PackagePlan").validate(said.json())
    trial = schema["paths"]["/api/v1/directories/{id}/test/"]["post"]["responses"]["200"]
    assert trial["content"]["application/json"]["schema"]["$ref"].endswith("/Trial")

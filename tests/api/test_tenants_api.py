"""Tenants over REST: the chain up to ENVIRONMENT, who proves passwords, and the rules that each says itself."""

from typing import Any

import pytest

from accounts.models import User
from audit.models import AuditEvent
from configserver.models import Directory, Person, Tenant
from tests import directory
from tests.cast import Call

NOBODY = "00000000-0000-4000-8000-000000000000"


def environment() -> Tenant:
    """The root of all tenants."""
    return Tenant.objects.get(dbid=1)


def staff() -> Directory:
    """A directory that nobody answers for."""
    return Directory.objects.create(
        name="Staff", protocol="ldap", servers="ldaps://ldap.acme.example", base_dn="dc=acme"
    )


def test_a_tenant_lives_from_creation_to_deletion(api: Call, root: User) -> None:
    program = api(root)
    answer = program.post("tenants/", {"dbid": 101, "name": "Acme"})
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert answer.headers["Location"] == f"/api/v1/tenants/{said['id']}/"
    assert said == {
        "id": said["id"],
        "dbid": 101,
        "name": "Acme",
        "parent": str(environment().uid),
        "is_active": True,
        "library": "",
        "directory": None,
        "enforce": "",
        "inherits": True,
        "rules": {},
    }
    path = f"tenants/{said['id']}/"
    changed = program.patch(path, {"name": "Acme Ltd", "enforce": "true", "inherits": False})
    assert changed.json() == said | {"name": "Acme Ltd", "enforce": "true", "inherits": False}
    assert program.get(path).json() == changed.json()
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404
    events = AuditEvent.objects.filter(event__startswith="configserver:tenant:", actor_uid=str(root.uid))
    assert events.count() == 3


def test_rules_are_named_as_their_options_and_taken_whole(api: Call, root: User) -> None:
    program = api(root)
    rules = {"password-min-length": 16, "password-req-alpha": True}
    said = program.post("tenants/", {"dbid": 101, "name": "Acme", "rules": rules}).json()
    assert said["rules"] == rules
    path = f"tenants/{said['id']}/"
    kept = Tenant.objects.get(dbid=101).rules
    assert kept == {f"security-authentication-rules.{name}": value for name, value in rules.items()}
    assert program.patch(path, {"rules": {"password-no-repeats": 3}}).json()["rules"] == {
        "password-no-repeats": 3
    }
    assert program.patch(path, {"rules": {}}).json()["rules"] == {}


@pytest.mark.parametrize(
    ("rules", "code", "field"),
    [
        ({"password-min-length": 65}, "invalid", "rules.password-min-length"),
        ({"password-min-length": "many"}, "invalid", "rules.password-min-length"),
        ({"password-min-length": None}, "invalid", "rules.password-min-length"),
        ({"password-min-length": 1.5}, "invalid", "rules.password-min-length"),
        ({"password-min-length": {"x": 1}}, "invalid", "rules.password-min-length"),
        ({"password-req-alpha": 7}, "invalid", "rules.password-req-alpha"),
        ({"password-length": 7}, "unknown_setting", "rules.password-length"),
        ({"": 7}, "unknown_setting", "rules."),
        ({"Login.Security.Strict": True}, "unknown_setting", "rules.Login.Security.Strict"),
        ([], "invalid", "rules"),
        ("x", "invalid", "rules"),
        (None, "invalid", "rules"),
    ],
)
def test_a_rule_that_is_none_is_named(rules: object, code: str, field: str, api: Call, root: User) -> None:
    program = api(root)
    made = program.post("tenants/", {"dbid": 101, "name": "Acme"}).json()
    for answer in (
        program.post("tenants/", {"dbid": 102, "name": "New", "rules": rules}),
        program.patch(f"tenants/{made['id']}/", {"rules": rules}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert set(answer.json()["errors"]) == {field}
    assert Tenant.objects.get(dbid=101).rules == {}


def test_a_directory_is_named_where_it_proves_passwords_and_only_then(api: Call, root: User) -> None:
    program, proves = api(root), staff()
    body = {"dbid": 101, "name": "Acme", "library": "directory", "directory": str(proves.uid)}
    said = program.post("tenants/", body).json()
    assert (said["library"], said["directory"]) == ("directory", str(proves.uid))
    path = f"tenants/{said['id']}/"
    for change in ({"directory": None}, {"library": "internal"}, {"library": ""}):
        answer = program.patch(path, change)
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"directory"})
    back = program.patch(path, {"library": "internal", "directory": None}).json()
    assert (back["library"], back["directory"]) == ("internal", None)


def test_tenants_stand_below_each_other_and_never_below_themselves(api: Call, root: User) -> None:
    program = api(root)
    above = program.post("tenants/", {"dbid": 101, "name": "Acme"}).json()
    body = {"dbid": 102, "name": "Acme Berlin", "parent": above["id"]}
    under = program.post("tenants/", body).json()
    assert under["parent"] == above["id"]
    for parent in (under["id"], above["id"]):
        answer = program.patch(f"tenants/{above['id']}/", {"parent": parent})
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"parent"})
    in_use = program.delete(f"tenants/{above['id']}/")
    assert (in_use.status_code, in_use.json()["code"]) == (409, "in_use")
    listed = program.get(f"tenants/?parent={above['id']}").json()["results"]
    assert [one["dbid"] for one in listed] == [102]


def test_environment_is_part_of_the_product(api: Call, root: User) -> None:
    program, path = api(root), f"tenants/{environment().uid}/"
    for answer in (
        program.delete(path),
        program.patch(path, {"dbid": 2}),
        program.patch(path, {"is_active": False}),
        program.patch(path, {"rules": {"password-min-length": 14}}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "built_in")
    assert program.patch(path, {"enforce": "false"}).json()["enforce"] == "false"


def test_a_tenant_with_people_stays_and_switched_off_ends_their_sessions(api: Call, root: User) -> None:
    program = api(root)
    path = f"tenants/{program.post('tenants/', {'dbid': 101, 'name': 'Acme'}).json()['id']}/"
    dora = directory.person("dora", tenant=Tenant.objects.get(dbid=101))
    assert program.delete(path).json()["code"] == "in_use"
    assert program.patch(path, {"is_active": False}).status_code == 200
    assert Person.objects.get(pk=dora.pk).version == dora.version + 1


def test_a_taken_number_or_name_is_a_conflict(api: Call, root: User) -> None:
    program = api(root)
    program.post("tenants/", {"dbid": 101, "name": "Acme"})
    for body, field in (({"dbid": 101, "name": "Other"}, "dbid"), ({"dbid": 102, "name": "Acme"}, "name")):
        answer = program.post("tenants/", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
        assert set(answer.json()["errors"]) == {field}


def test_filters_find_tenants(api: Call, root: User) -> None:
    program = api(root)
    program.post("tenants/", {"dbid": 101, "name": "Acme", "is_active": False})

    def found(query: str) -> list[int]:
        return [one["dbid"] for one in program.get(f"tenants/?{query}").json()["results"]]

    assert found("") == [101, 1]
    assert found("dbid=101") == found("is_active=false") == [101]
    assert found("dbid=4711") == []
    for query in ("dbid=0", f"dbid={10**30}", "dbid=x", f"parent={NOBODY}", "parent=1", "name=Acme"):
        assert program.get(f"tenants/?{query}").status_code == 400


def test_for_a_company_administrator_there_is_no_tenant(api: Call, ada: User, ben: User) -> None:
    tenant = directory.tenant(directory.ACME_DBID, company=ada.company)
    path = f"tenants/{tenant.uid}/"
    ada.roles.get().privileges.add(*directory.portal_privileges("Directories - View", "Directories - Manage"))
    program = api(ada)
    assert program.get("tenants/").json()["results"] == []
    for answer in (program.get(path), program.patch(path, {"name": "Mine"}), program.delete(path)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    refused = program.post("tenants/", {"dbid": 102, "name": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert api(ben).get("tenants/").json()["code"] == "forbidden"
    assert api(ben).get(path).status_code == 404
    assert api(None).get(path).status_code == 401


def test_who_only_views_changes_nothing(api: Call, ben: User) -> None:
    directory.lets_see_everything(ben, "Directories - View")
    program, path = api(ben), f"tenants/{directory.tenant(101).uid}/"
    assert program.get(path).json()["dbid"] == 101
    for answer in (
        program.patch(path, {"name": "Mine"}),
        program.delete(path),
        program.post("tenants/", {"dbid": 102, "name": "Mine"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dbid", 0),
        ("dbid", -1),
        ("dbid", 2**31),
        ("dbid", 10**30),
        ("dbid", "101"),
        ("dbid", 101.0),
        ("dbid", True),
        ("dbid", None),
        ("name", 7),
        ("name", ""),
        ("name", "x" * 121),
        ("name", "a\x00b"),
        ("parent", "x"),
        ("parent", 1),
        ("parent", NOBODY),
        ("is_active", "yes"),
        ("library", "ldap"),
        ("library", None),
        ("library", 7),
        ("directory", NOBODY),
        ("directory", 7),
        ("enforce", True),
        ("enforce", "yes"),
        ("inherits", 1),
        ("uid", NOBODY),
        ("children", []),
    ],
)
def test_a_value_that_does_not_fit_is_named(field: str, value: object, api: Call, root: User) -> None:
    program, here = api(root), directory.tenant(101)
    body: dict[str, Any] = {"dbid": 102, "name": "New", field: value}
    for answer in (program.post("tenants/", body), program.patch(f"tenants/{here.uid}/", {field: value})):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.json()
        assert next(iter(answer.json()["errors"])).startswith(field)
    assert set(Tenant.objects.values_list("dbid", flat=True)) == {1, 101}


def test_a_create_that_is_sent_twice_makes_one_tenant(api: Call, root: User) -> None:
    program, key = api(root), {"Idempotency-Key": "acme"}
    body = {"dbid": 101, "name": "Acme"}
    first, again = (program.post("tenants/", body, key) for _time in range(2))
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"

"""Directories over REST: LDAP and RADIUS in one resource, whose secret goes in and never comes out."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from configserver.directories import secret_of
from configserver.models import Directory, DirectoryServer, Permission, Role
from tests import directory
from tests.cast import Call

SECRET = "kept-where-nobody-reads-it"
NOBODY = "00000000-0000-4000-8000-000000000000"


def ldap(**more: Any) -> dict[str, Any]:
    """The body of a new LDAP directory."""
    return {
        "name": "Staff",
        "protocol": "ldap",
        "servers": ["ldaps://one.acme.example", "ldaps://two.acme.example:636"],
        "secret": SECRET,
        "bind_dn": "cn=reader,dc=acme",
        "base_dn": "ou=people,dc=acme",
    } | more


def radius(**more: Any) -> dict[str, Any]:
    """The body of a new RADIUS directory."""
    return {
        "name": "Tokens",
        "protocol": "radius",
        "servers": ["radius.acme.example:1812"],
        "secret": SECRET,
    } | more


@pytest.fixture
def agent(db: None) -> Role:
    """A role to map groups to."""
    return directory.role("Agent of theirs")


def test_an_ldap_directory_is_made_and_its_secret_stays_inside(api: Call, root: User) -> None:
    answer = api(root).post("directories/", ldap())
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert answer.headers["Location"] == f"/api/v1/directories/{said['id']}/"
    assert said["secret_set"] is True
    assert "secret" not in said
    assert SECRET not in answer.content.decode()
    assert said["servers"] == ["ldaps://one.acme.example", "ldaps://two.acme.example:636"]
    assert (said["protocol"], said["start_tls"], said["user_filter"]) == ("ldap", True, "(uid={login})")
    assert (said["groups"], said["tenant_values"], said["seen"]) == ([], [], [])
    made = Directory.objects.get(uid=said["id"])
    assert secret_of(made) == SECRET
    event = AuditEvent.objects.get(event="configserver:directory:created")
    assert event.actor_uid == str(root.uid)
    assert SECRET not in str(event.details)


def test_no_answer_tells_a_secret(api: Call, root: User) -> None:
    program = api(root)
    said = program.post("directories/", radius()).json()
    path = f"directories/{said['id']}/"
    sealed = Directory.objects.get().secret.text
    for answer in (
        program.get("directories/"),
        program.get(path),
        program.patch(path, {"name": "Others"}),
        program.patch(path, {"secret": f"{SECRET}-2"}),
        program.patch(path, {"servers": ["x.acme.example"]}),
        program.patch(path, {"secret": SECRET, "servers": ["not a server"]}),
        program.post("directories/", radius(name="Third", servers=["a:99999"])),
    ):
        text = answer.content.decode()
        assert SECRET not in text
        assert sealed not in text


def test_the_whole_of_a_directory_is_changed(api: Call, root: User) -> None:
    program = api(root)
    path = f"directories/{program.post('directories/', ldap()).json()['id']}/"
    wanted = {
        "name": "People",
        "is_active": False,
        "connect_timeout_ms": 500,
        "timeout_ms": 2_000,
        "user_filter": "(sAMAccountName={login})",
        "entry_attribute": "objectGUID",
        "name_attribute": "",
        "email_attribute": "proxyAddresses",
        "phone_attribute": "mobile",
        "tenant_attribute": "o",
        "group_base": "ou=groups,dc=acme",
        "group_filter": "(uniqueMember={dn})",
        "nested_groups": True,
        "change_password": True,
        "cache_seconds": 60,
        "negative_cache_seconds": 5,
        "protocol": "ldap",
    }
    said = program.patch(path, wanted).json()
    assert {name: said[name] for name in wanted} == wanted
    assert program.get(path).json() == said
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404


def test_groups_and_values_are_mapped_whole(api: Call, root: User, agent: Role) -> None:
    program, tenant = api(root), directory.tenant(101)
    groups = [{"group": "cn=agents,dc=acme", "role": str(agent.uid)}]
    values = [{"value": "Acme", "tenant": str(tenant.uid)}]
    said = program.post("directories/", ldap(groups=groups, tenant_values=values)).json()
    assert (said["groups"], said["tenant_values"]) == (groups, values)
    path = f"directories/{said['id']}/"
    assert program.patch(path, {"groups": []}).json()["groups"] == []
    assert program.get(path).json()["tenant_values"] == values
    twice = [*values, {"value": "Acme", "tenant": str(directory.tenant(102).uid)}]
    answer = program.patch(path, {"tenant_values": twice})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"tenant_values"})


def test_what_a_mapping_names_and_is_not_there_is_said_with_its_place(
    api: Call, root: User, agent: Role
) -> None:
    groups = [{"group": "cn=a", "role": str(agent.uid)}, {"group": "cn=b", "role": NOBODY}]
    answer = api(root).post("directories/", ldap(groups=groups))
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"groups.1.role"})
    for one in ({"group": "x"}, {"group": "", "role": str(agent.uid)}, {"group": "x", "role": 7}, "x", None):
        answer = api(root).post("directories/", ldap(groups=[one]))
        assert answer.status_code == 400
        assert next(iter(answer.json()["errors"])).startswith("groups.0")
    assert not Directory.objects.exists()


def test_a_mapping_of_five_hundred_costs_no_statement_for_each(api: Call, root: User, agent: Role) -> None:
    program = api(root)
    path = f"directories/{program.post('directories/', ldap()).json()['id']}/"

    def cost(rows: int) -> int:
        groups = [{"group": f"cn={rows}-{number}", "role": str(agent.uid)} for number in range(rows)]
        with CaptureQueriesContext(connection) as asked:
            assert program.patch(path, {"groups": groups}).status_code == 200
        return len([one for one in asked if "core_epoch" not in one["sql"]])

    cost(1)
    assert cost(500) < cost(2) + 10  # rows are written and deleted in batches
    assert program.patch(path, {"groups": [{"group": "x", "role": str(agent.uid)}] * 501}).status_code == 400


def test_other_servers_want_the_secret_again(api: Call, root: User) -> None:
    program = api(root)
    path = f"directories/{program.post('directories/', ldap()).json()['id']}/"
    for change in (
        {"servers": ["ldaps://evil.example"]},
        {"start_tls": False},
        {"ca_certificates": "x"},
        {"bind_dn": "cn=other,dc=acme"},
    ):
        answer = program.patch(path, change)
        assert (answer.status_code, answer.json()["code"]) == (400, "secret_needed")
        assert set(answer.json()["errors"]) == {"secret"}
        assert program.patch(path, change | {"secret": ""}).json()["code"] == "secret_needed"
    moved = program.patch(path, {"servers": ["ldaps://three.acme.example"], "secret": f"{SECRET}-2"})
    assert moved.json()["servers"] == ["ldaps://three.acme.example"]
    assert secret_of(Directory.objects.get()) == f"{SECRET}-2"
    assert program.patch(path, {"name": "Moved"}).status_code == 200


def test_radius_does_not_go_without_a_secret(api: Call, root: User) -> None:
    for secret in ("", None):
        answer = api(root).post("directories/", radius(secret=secret))
        assert answer.status_code == 400
        assert set(answer.json()["errors"]) == {"secret"}
    without = api(root).post(
        "directories/", {name: value for name, value in radius().items() if name != "secret"}
    )
    assert without.json()["code"] == "secret_needed"


def test_another_kind_of_line_end_is_no_other_certificate(api: Call, root: User) -> None:
    """A browser sends CRLF, a program LF: neither asks for the secret again."""
    program, text = api(root), "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    made = directory.directory(protocol="ldap", servers="ldaps://ldap.example", secret="s3cret")
    made.ca_certificates = text.replace("\n", "\r\n")
    made.save()
    for same in (text, text.replace("\n", "\r\n"), text.strip()):
        assert program.patch(f"directories/{made.uid}/", {"ca_certificates": same}).status_code == 200
    other = program.patch(f"directories/{made.uid}/", {"ca_certificates": text.replace("MIIB", "MIIC")})
    assert other.json()["code"] == "secret_needed"


def test_a_directory_keeps_its_protocol(api: Call, root: User) -> None:
    program = api(root)
    path = f"directories/{program.post('directories/', radius()).json()['id']}/"
    answer = program.patch(path, {"protocol": "ldap"})
    # Whether the servers would do for the other protocol is not even asked.
    assert (answer.status_code, answer.json()["code"]) == (409, "fixed")


def test_a_directory_in_use_stays(api: Call, root: User) -> None:
    program = api(root)
    path = f"directories/{program.post('directories/', ldap()).json()['id']}/"
    person = directory.person("dora", tenant=directory.tenant(101), directory=Directory.objects.get())
    answer = program.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    person.delete()
    assert program.delete(path).status_code == 204


def test_a_taken_name_is_a_conflict(api: Call, root: User) -> None:
    program = api(root)
    program.post("directories/", ldap())
    other = program.post("directories/", radius()).json()
    for answer in (
        program.post("directories/", ldap()),
        program.patch(f"directories/{other['id']}/", {"name": "Staff"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_how_servers_were_found_is_shown(api: Call, root: User) -> None:
    program = api(root)
    said = program.post("directories/", ldap()).json()
    DirectoryServer.objects.create(
        directory=Directory.objects.get(),
        server="ldaps://one.acme.example",
        checked_at=timezone.now(),
        since=timezone.now(),
        ok=False,
        failed_step="tls",
        reason="The certificate is of another host.",
        milliseconds=12,
    )
    seen = program.get(f"directories/{said['id']}/").json()["seen"]
    assert [(one["server"], one["ok"], one["failed_step"]) for one in seen] == [
        ("ldaps://one.acme.example", False, "tls")
    ]


def test_filters_find_directories(api: Call, root: User) -> None:
    program = api(root)
    program.post("directories/", ldap(is_active=False))
    program.post("directories/", radius())

    def found(query: str) -> list[str]:
        return [one["name"] for one in program.get(f"directories/?{query}").json()["results"]]

    assert found("") == ["Tokens", "Staff"]
    assert found("protocol=radius") == ["Tokens"]
    assert found("is_active=false") == ["Staff"]
    assert program.get("directories/?protocol=nis").status_code == 400
    assert program.get("directories/?secret=x").status_code == 400


def test_for_a_company_administrator_there_is_no_directory(
    api: Call, root: User, ada: User, ben: User
) -> None:
    path = f"directories/{api(root).post('directories/', ldap()).json()['id']}/"
    # Ada sees the directories of her company, of which there are none; a directory is of all of them.
    ada.roles.get().privileges.add(*directory.portal_privileges("Directories - View", "Directories - Manage"))
    program = api(ada)
    assert program.get("directories/").json()["results"] == []
    for answer in (program.get(path), program.patch(path, {"name": "Mine"}), program.delete(path)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for body in (ldap(name="Mine"), radius(name="Mine")):
        refused = program.post("directories/", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert api(ben).get("directories/").status_code == 403
    assert api(ben).get(path).status_code == 404
    assert api(None).get(path).status_code == 401
    assert Directory.objects.get().name == "Staff"


def test_who_only_views_changes_nothing(api: Call, root: User, ben: User) -> None:
    path = f"directories/{api(root).post('directories/', ldap()).json()['id']}/"
    directory.lets_see_everything(ben, "Directories - View")
    program = api(ben)
    assert program.get(path).json()["secret_set"] is True
    for answer in (
        program.patch(path, {"name": "Mine"}),
        program.delete(path),
        program.post("directories/", ldap(name="Mine")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_mapping_gives_no_role_above_who_makes_it(api: Call, root: User, ben: User) -> None:
    chief = directory.role("Chief", rank=90)
    made = api(root).post("directories/", ldap()).json()
    directory.lets_see_everything(ben, "Directories - View", "Directories - Manage")
    program, groups = api(ben), [{"group": "cn=all", "role": str(chief.uid)}]
    for answer in (
        program.post("directories/", radius(groups=groups)),
        program.patch(f"directories/{made['id']}/", {"groups": groups}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "rank_too_high")
        assert set(answer.json()["errors"]) == {"groups"}
    low = directory.role("Low", rank=1)
    assert (
        program.post("directories/", radius(groups=[groups[0] | {"role": str(low.uid)}])).status_code == 201
    )
    Permission.objects.create(role=low, kind="delivery", reach="every")
    answer = program.delete(f"directories/{Directory.objects.get(protocol='radius').uid}/")
    assert answer.status_code == 204  # ben reaches everything of every kind


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7),
        ("name", ""),
        ("name", "x" * 121),
        ("protocol", "nis"),
        ("protocol", None),
        ("servers", "ldaps://one.acme.example"),
        ("servers", []),
        ("servers", [7]),
        ("servers", ["ldaps://one.acme.example ldaps://two.acme.example"]),
        ("servers", ["http://one.acme.example"]),
        ("servers", ["ldaps://one.acme.example/dc=x"]),
        ("servers", ["ldaps://u:p@one.acme.example"]),
        ("servers", ["ldaps://one.acme.example:0"]),
        ("servers", ["ldaps://one.acme.example"] * 2),
        ("servers", [f"ldaps://{number}.acme.example" for number in range(11)]),
        ("servers", ["ldaps://" + "x" * 400]),
        ("secret", 7),
        ("secret", "x" * 501),
        ("secret", "a\x00b"),
        ("connect_timeout_ms", 99),
        ("connect_timeout_ms", "100"),
        ("timeout_ms", 10**30),
        ("cache_seconds", -1),
        ("negative_cache_seconds", 65_537),
        ("attempts", 0),
        ("start_tls", "yes"),
        ("is_active", None),
        ("ca_certificates", "x" * 100_001),
        ("base_dn", ""),
        ("base_dn", "x" * 501),
        ("user_filter", "uid={login}"),
        ("user_filter", "(uid=dora)"),
        ("group_filter", "(member=x)"),
        ("direct_dn", "uid=dora"),
        ("entry_attribute", ""),
        ("entry_attribute", "entry UUID"),
        ("name_attribute", "(cn"),
        ("coding", "mschap"),
        ("groups", {}),
        ("tenant_values", [{"value": "x", "tenant": "x"}]),
        ("secret_set", True),
        ("seen", []),
        ("uid", NOBODY),
    ],
)
def test_a_value_that_does_not_fit_is_named(field: str, value: object, api: Call, root: User) -> None:
    program = api(root)
    made = program.post("directories/", ldap()).json()
    for answer in (
        program.post("directories/", ldap(name="New") | {field: value}),
        # With the secret, so that nothing but the value can be what is refused.
        program.patch(f"directories/{made['id']}/", {"secret": SECRET} | {field: value}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.json()
        assert next(iter(answer.json()["errors"])).startswith(field)
    assert Directory.objects.get().name == "Staff"


def test_a_create_that_is_sent_twice_makes_one_directory(api: Call, root: User) -> None:
    program, key = api(root), {"Idempotency-Key": "staff"}
    first, again = (program.post("directories/", ldap(), key) for _time in range(2))
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Directory.objects.count() == 1


def test_a_list_costs_the_same_whatever_its_length(api: Call, root: User, agent: Role) -> None:
    program, tenant = api(root), directory.tenant(101)

    def grow(times: int, word: str) -> None:
        for number in range(times):
            made = Directory.objects.create(name=f"{word} {number}", protocol="ldap", servers="ldaps://x")
            made.groups.create(group="cn=x", role=agent)
            made.tenant_values.create(value="x", tenant=tenant)
            now = timezone.now()
            made.seen.create(server="ldaps://x", checked_at=now, since=now, ok=True)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get("directories/?page_size=100").status_code == 200
        return len(asked)

    grow(2, "few")
    program.get("directories/")
    few = cost()
    grow(20, "many")
    assert cost() == few

"""The test of a directory over REST, against a real FreeRADIUS, a real OpenLDAP, and a port that nobody listens at."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from tests import directory
from tests.cast import Api, Call
from tests.services.ldap import AGENTS, GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD, Ldap, ldap_machine
from tests.services.radius import SECRET, Radius, free_udp_port, freeradius


@pytest.fixture(scope="module")
def server() -> Iterator[Radius]:
    """A RADIUS server that answers."""
    with freeradius() as server:
        yield server


@pytest.fixture(scope="module")
def ldap() -> Iterator[Ldap]:
    """An LDAP server that answers."""
    with ldap_machine() as machine:
        yield machine


def made(program: Api, *servers: str, secret: str = SECRET) -> str:
    """The address of a new RADIUS directory."""
    body: dict[str, Any] = {"name": "Tokens", "protocol": "radius", "servers": servers, "secret": secret}
    body |= {"connect_timeout_ms": 300, "timeout_ms": 1_000, "attempts": 1}
    return f"directories/{program.post('directories/', body).json()['id']}/"


def test_every_server_is_tried_step_by_step(api: Call, root: User, server: Radius) -> None:
    program, dead = api(root), f"127.0.0.1:{free_udp_port()}"
    path = made(program, server.name, dead)
    answer = program.post(f"{path}test/")
    assert answer.status_code == 200, answer.json()
    said = answer.json()
    assert (said["ok"], said["found"], said["mapped"]) == (False, None, None)
    alive, gone = said["servers"]
    assert (alive["server"], alive["ok"], alive["certificate_expires_at"]) == (server.name, True, None)
    assert [(one["step"], one["ok"]) for one in alive["checks"]] == [("resolve", True), ("answer", True)]
    assert (gone["server"], gone["ok"], gone["checks"][-1]["ok"]) == (dead, False, False)
    assert gone["checks"][-1]["seen"]
    assert SECRET not in answer.content.decode()
    event = AuditEvent.objects.get(event="configserver:directory:tested")
    assert event.actor_uid == str(root.uid)


def test_a_test_needs_the_right_to_change_and_an_object_in_reach(
    api: Call, root: User, ada: User, ben: User
) -> None:
    path = f"{made(api(root), f'127.0.0.1:{free_udp_port()}')}test/"
    assert api(None).post(path).status_code == 401
    assert api(ada).post(path).status_code == 404
    directory.lets_see_everything(ben, "Directories - View")
    answer = api(ben).post(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert not AuditEvent.objects.filter(event="configserver:directory:tested").exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"login": 7}, "login"),
        ({"login": "x" * 255}, "login"),
        ({"login": "a\x00b"}, "login"),
        ({"password": "x"}, "password"),
        ([], "body"),
    ],
)
def test_what_a_test_does_not_take_is_refused(body: object, field: str, api: Call, root: User) -> None:
    program = api(root)
    answer = program.post(f"{made(program, '127.0.0.1:9')}test/", body)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {field})


def test_tests_are_limited(api: Call, root: User) -> None:
    program = api(root)
    path = f"{made(program, '127.0.0.1:9')}test/"
    answers = [program.post(path) for _time in range(21)]
    assert {one.status_code for one in answers[:20]} == {200}
    assert (answers[20].status_code, answers[20].json()["code"]) == (429, "too_many")
    assert answers[20].json()["retry_after"] >= 1


def test_an_ldap_directory_is_set_up_and_tried_with_a_name(api: Call, root: User, ldap: Ldap) -> None:
    program, agent, tenant = api(root), directory.role("Agent"), directory.tenant(101)
    body: dict[str, Any] = {
        "name": "Staff",
        "protocol": "ldap",
        "servers": [ldap.secure_url],
        "ca_certificates": ldap.authority,
        "bind_dn": SERVICE,
        "secret": SERVICE_PASSWORD,
        "base_dn": PEOPLE,
        "group_base": GROUPS,
        "tenant_attribute": "o",
        "connect_timeout_ms": 2_000,
        "timeout_ms": 5_000,
        "groups": [{"group": AGENTS, "role": str(agent.uid)}],
        "tenant_values": [{"value": "Acme", "tenant": str(tenant.uid)}],
    }
    made = program.post("directories/", body)
    assert made.status_code == 201, made.json()
    path = f"directories/{made.json()['id']}/"
    said = program.post(f"{path}test/", {"login": "dora"}).json()
    assert said["ok"] is True, said
    (server,) = said["servers"]
    assert [one["step"] for one in server["checks"]] == ["resolve", "connect", "tls", "bind", "search", "map"]
    assert datetime.fromisoformat(server["certificate_expires_at"]) > timezone.now()
    assert said["found"]["email"].startswith("dora@")
    assert said["mapped"] == {"groups": [AGENTS], "roles": ["Agent"], "value": "Acme", "tenant_dbid": 101}
    assert SERVICE_PASSWORD not in str(said)
    values = [{"value": "Other", "tenant": str(tenant.uid)}]
    assert program.patch(path, {"tenant_values": values, "secret": "not this one"}).status_code == 200
    refused = program.post(f"{path}test/", {"login": "dora"}).json()
    assert (refused["ok"], refused["servers"][0]["checks"][-1]["step"]) == (False, "bind")
    assert "not this one" not in str(refused)
    program.patch(path, {"secret": SERVICE_PASSWORD})
    stray = program.post(f"{path}test/", {"login": "dora"}).json()["mapped"]
    assert (stray["value"], stray["tenant_dbid"]) == ("Acme", None)

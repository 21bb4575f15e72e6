"""The test of a directory over REST, against a real FreeRADIUS and against a port that nobody listens at."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from audit.models import AuditEvent
from configserver.engines import base
from configserver.serializers_directories import TrialShown
from configserver.trial import Mapped, Trial
from tests import directory
from tests.cast import Api, Call
from tests.services.radius import SECRET, Radius, free_udp_port, freeradius


@pytest.fixture(scope="module")
def server() -> Iterator[Radius]:
    """A RADIUS server that answers."""
    with freeradius() as server:
        yield server


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


def test_what_was_found_and_mapped_is_shown() -> None:
    found = base.Verified(display_name="Dora", email="dora@acme.example", entry="0b5f")
    tested = base.Tested(
        server="ldaps://one.acme.example",
        checks=(base.Check(step="map", ok=True, seen="cn=Dora", milliseconds=3),),
        certificate_expires_at=datetime(2027, 1, 1, tzinfo=UTC).timestamp(),
        found=found,
    )
    mapped = Mapped(groups=("cn=agents",), roles=("Agent",), value="Nowhere", tenant=None)
    said = TrialShown(Trial(login="dora", servers=(tested,), found=found, mapped=mapped)).data
    assert said["ok"] is True
    assert said["servers"][0]["certificate_expires_at"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert said["found"] == {"display_name": "Dora", "email": "dora@acme.example", "phone": ""}
    assert said["mapped"] == {
        "groups": ["cn=agents"],
        "roles": ["Agent"],
        "value": "Nowhere",
        "tenant_dbid": None,
    }

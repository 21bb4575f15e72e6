"""What the pages *Explain a sign-in* and *Prerequisites* tell, and the health of a directory, over REST."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.models import DirectoryServer, Person, Tenant
from tenants.models import Company
from tests import directory
from tests.cast import Call
from tests.isolation.database import state
from tests.journeys.stage import PASSWORD, configure

pytestmark = pytest.mark.django_db
EXPLAIN, PREREQUISITES = "explain-sign-in/", "prerequisites/"


@pytest.fixture
def dora(acme: Company) -> Person:
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    return directory.person("dora", tenant=tenant, password=PASSWORD)


def test_a_sign_in_is_explained_in_its_order_and_leaves_nothing(api: Call, root: User, dora: Person) -> None:
    program = api(root)
    answer = program.post(EXPLAIN, {"name": "Dora"})
    assert answer.status_code == 200
    assert [one["about"] for one in answer.json()][:3] == ["realm", "mode", "known"]
    assert [one["about"] for one in answer.json() if one["verdict"] == "stop"] == ["mode"]
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    before = state()
    found = program.post(EXPLAIN, {"name": "dora"}).json()
    assert not [one for one in found if one["verdict"] == "stop"]
    assert all(one["sentence"] for one in found)
    assert dora.password not in str(found)
    here = program.post(EXPLAIN, {"name": "dora", "realm": "internal"}).json()
    assert [one["about"] for one in here if one["verdict"] == "stop"] == ["known"]
    german = program.post(EXPLAIN, {"name": "dora"}, headers={"Accept-Language": "de"}).json()
    assert german[1]["sentence"] != found[1]["sentence"]
    assert state() == before


def test_whoever_is_out_of_sight_is_explained_like_nobody(
    api: Call, ada: User, ben: User, cleo: User, dora: Person
) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    assert len(api(ada).post(EXPLAIN, {"name": "dora"}).json()) > 5

    def told(name: str) -> str:
        return api(cleo).post(EXPLAIN, {"name": name}).content.decode().replace(name, "NAME")

    assert told("dora") == told("mallory")
    assert told("ada@acme.example") == told("eve@acme.example")
    refused = api(ben).post(EXPLAIN, {"name": "dora"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert api(None).post(EXPLAIN, {"name": "dora"}).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 255}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "dora", "realm": "elsewhere"}, "realm"),
        ({"name": "dora", "ask": "perhaps"}, "ask"),
        ({"name": "dora", "password": "x"}, "password"),
        ([], "body"),
    ],
)
def test_what_does_not_fit_is_refused(body: object, field: str, api: Call, root: User) -> None:
    answer = api(root).post(EXPLAIN, body)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {field})


def test_a_directory_is_asked_only_for_whoever_may_test_it(
    api: Call, root: User, ada: User, dora: Person
) -> None:
    made = directory.directory(protocol="ldap", servers="ldaps://127.0.0.1:9")
    Tenant.objects.filter(pk=dora.tenant_id).update(library="directory", directory=made, enforce="true")
    configure(Login__ExternalAuthenticationMode="ConfigServer")

    def asked(user: User, **more: object) -> str:
        found = api(user).post(EXPLAIN, {"name": "dora", **more}).json()
        return next(one["sentence"] for one in found if one["about"] == "asked")

    assert "was not asked" in asked(ada, ask=True)
    assert "not asked now" in asked(root)
    assert not AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).exists()
    stopped = [
        one
        for one in api(root).post(EXPLAIN, {"name": "dora", "ask": True}).json()
        if one["verdict"] == "stop"
    ]
    assert stopped[0]["about"] == "connect"
    assert AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).count() == 1


def test_the_prerequisites_are_told_to_who_sees_the_directories_of_every_company(
    api: Call, root: User, ada: User, ben: User, dora: Person
) -> None:
    answer = api(root).get(PREREQUISITES)
    assert [(one["name"], one["done"]) for one in answer.json()] == [
        ("mode", False), ("access", True), ("package", False), ("companies", True),
    ]  # fmt: skip
    assert all(one["title"] and one["sentence"] for one in answer.json())
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    assert api(root).get(PREREQUISITES).json()[0]["done"] is True
    for user in (ada, ben):
        refused = api(user).get(PREREQUISITES)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    directory.lets_see_everything(ben, "Directories - View")
    assert api(ben).get(PREREQUISITES).status_code == 200
    assert api(None).get(PREREQUISITES).status_code == 401


def test_a_directory_tells_its_health(api: Call, root: User) -> None:
    made = directory.directory(protocol="ldap", servers="ldaps://a.example\nldaps://b.example")
    program, path = api(root), f"directories/{made.uid}/"
    health = program.get(path).json()["health"]
    assert (health["state"], health["servers"], health["seen_at"]) == ("unseen", 2, None)
    now, ends = timezone.now(), timezone.now() + timedelta(days=3)
    for server, ok in (("ldaps://a.example:636", True), ("ldaps://b.example:636", False)):
        DirectoryServer.objects.create(
            directory=made, server=server, ok=ok, checked_at=now, since=now, certificate_expires_at=ends
        )
    assert program.get(path).json()["health"]["state"] == "unseen"  # of servers that are not among its own
    made.servers = "ldaps://a.example:636\nldaps://b.example:636"
    made.save()
    health = program.get("directories/").json()["results"][0]["health"]
    assert (health["state"], health["answering"], health["failing"]) == ("partly", 1, 1)
    assert health["certificate_expires_at"].startswith(ends.isoformat()[:19])
    DirectoryServer.objects.filter(directory=made).update(ok=False)
    health = program.get(path).json()["health"]
    assert (health["state"], health["since"] is not None) == ("silent", True)

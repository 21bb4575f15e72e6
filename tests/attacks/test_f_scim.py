"""F. An identity provider reaches what it brought, as far as its groups give, and nothing else; what it sends is bounded."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from configserver import service, services
from configserver.directory import Directory
from configserver.granting import granted_to
from configserver.models import Group, Person, Role, Tenant
from configserver.scim.schemas import PERSON_SCHEMA, USER_SCHEMA, Attribute
from core import entropy
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.settings import snapshot
from tests.cast import Api, acting
from tests.configserver.provider import PATCH, PERSON, USER, Provider, scim_directory

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple 7"


def now() -> dict[str, Any]:
    return {"by": system_actor(), "now": timezone.now()}


def role(name: str, rank: int) -> Role:
    made = services.create_role(services.RoleDraft(name=name, rank=rank), **now())
    assert isinstance(made, Role), made
    return made


def change(name: str, **draft: Any) -> Person:
    changed = services.change_person(Person.objects.get(name=name), services.PersonDraft(**draft), **now())
    assert isinstance(changed, Person), changed
    return changed


@pytest.fixture
def okta() -> Provider:
    return Provider(scim_directory("Okta", groups={"Agents": role("Agent There", 5)})[1])


@pytest.fixture
def other() -> Provider:
    return Provider(scim_directory("Entra")[1])


# --- who calls -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["Users", "Groups", "Schemas", "ResourceTypes", "ServiceProviderConfig", "Me"]
)
def test_nobody_gets_in_without_the_token(okta: Provider, path: str) -> None:
    answer = Provider("").call("GET", path)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="Gatehouse"')
    for token in ("x", "gh_scim_" + "a" * 43, "\u00e9", "a" * 5_000):
        assert Provider(token).call("GET", path).status_code == 401
    basic = Client(headers={"Authorization": "Basic eDp5"})
    assert basic.get(f"/scim/v2/{path}").status_code == 401


def test_no_sign_in_of_a_person_counts_here_and_the_token_counts_nowhere_else(
    root: User, browser: Any
) -> None:
    api, (directory, token) = Api(root), scim_directory()
    assert api.get("/scim/v2/Users").status_code == 401
    assert browser(root).get("/scim/v2/Users").status_code == 401
    bearer = Client(headers={"Authorization": f"Bearer {token}"})
    for path in (
        "/api/v1/me/",
        "/api/v1/persons/",
        "/api/1/users/me",
        f"/api/v1/directories/{directory.uid}/",
    ):
        assert bearer.get(path).status_code == 401, path
    for path in ("authenticate", "Users/authenticate", "password"):
        assert Provider(token).call("POST", path, {}).status_code == 404


def test_the_token_is_shown_once_and_its_successor_ends_it(root: User) -> None:
    directory, token = scim_directory()
    api = Api(root)
    shown = json.dumps(api.get(f"/api/v1/directories/{directory.uid}/").json())
    directory.refresh_from_db()
    assert token not in shown
    assert str(directory.token) not in shown
    assert directory.token == entropy.fingerprint(token, purpose="scim")
    made = api.post(f"/api/v1/directories/{directory.uid}/token/", {})
    assert (made.status_code, made.json()["base_url"]) == (200, "http://127.0.0.1:8000/scim/v2")
    Provider(token).get("Users", status=401)
    Provider(made.json()["token"]).get("Users")
    trail = json.dumps(list(AuditEvent.objects.values()), default=str)
    assert made.json()["token"] not in trail
    assert AuditEvent.objects.filter(event="configserver:token:made").count() == 2


def test_who_may_not_change_directories_makes_no_token(ada: User, root: User) -> None:
    directory, _token = scim_directory()
    assert Api(ada).post(f"/api/v1/directories/{directory.uid}/token/", {}).status_code == 404
    ldap = services.create_directory(
        services.DirectoryDraft(
            name="L", protocol="ldap", servers="ldaps://ldap.example", base_dn="dc=example"
        ),
        **now(),
    )
    assert isinstance(ldap, Directory)
    assert Api(root).post(f"/api/v1/directories/{ldap.uid}/token/", {}).json()["code"] == "invalid"


def test_calls_of_one_directory_are_counted_together(okta: Provider) -> None:
    answers = (okta.call("GET", "Me") for _call in range(2_000))
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused["Retry-After"]) > 0
    assert refused.json()["status"] == "429"


# --- what it reaches -------------------------------------------------------------------------------------------------------


def test_what_another_directory_or_an_administrator_made_does_not_exist(
    okta: Provider, other: Provider
) -> None:
    theirs, group = other.brings("theirs")["id"], other.groups("Theirs")["id"]
    draft = services.PersonDraft(name="ours", display_name="Ours", tenant=Tenant.objects.get(dbid=1))
    ours = services.create_person(draft, password="", environment=snapshot(None), **now())
    assert isinstance(ours, Person)
    for path in (f"Users/{theirs}", f"Users/{ours.uid}", f"Groups/{group}"):
        body = {"schemas": [USER], "userName": "x", "displayName": "x"}
        op = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "x"}]}
        for method, given in (("GET", None), ("PUT", body), ("PATCH", op), ("DELETE", None)):
            assert okta.call(method, path, given).status_code == 404, (method, path)
    assert okta.get("Users")["totalResults"] == okta.get("Groups")["totalResults"] == 0
    assert okta.found("Users", f'id eq "{theirs}" or userName pr') == []
    for member in (theirs, str(ours.uid)):
        okta.groups("Agents", member, status=400)
    own = okta.groups("Agents")["id"]
    okta.patch(f"Groups/{own}", {"op": "add", "path": "members", "value": [{"value": theirs}]}, status=400)
    assert Group.members.through.objects.count() == 0


@pytest.mark.parametrize("name", ["ours", "OURS", "  ours ", "\uff4furs"])
def test_a_name_never_leads_to_the_account_of_somebody_else(okta: Provider, name: str) -> None:
    draft = services.PersonDraft(name="ours", display_name="Ours", tenant=Tenant.objects.get(dbid=1))
    services.create_person(draft, password="", environment=snapshot(None), **now())
    assert okta.brings(name, status=409)["scimType"] == "uniqueness"
    made = okta.brings("mine")["id"]
    okta.patch(f"Users/{made}", {"op": "replace", "path": "userName", "value": name}, status=409)
    assert Person.objects.get(name="ours").source is None


def test_a_name_that_is_an_internal_persons_address_makes_another_person(okta: Provider, ben: User) -> None:
    made = okta.brings(ben.email, emails=[{"value": ben.email}])
    person = Person.objects.get(uid=made["id"])
    assert not User.objects.filter(source_id=person.uid).exists()
    assert User.objects.get(email=ben.email) == ben


# --- no more than it gives -------------------------------------------------------------------------------------------------


def test_whoever_has_more_here_is_switched_off_and_nothing_else(okta: Provider) -> None:
    made = okta.brings("boss", emails=[{"value": "boss@acme.example"}])["id"]
    change("boss", roles=[role("Master", 90)])
    for path, value in (
        ("userName", "mine"),
        ("displayName", "x"),
        ("emails", [{"value": "evil@x.example"}]),
    ):
        told = okta.patch(f"Users/{made}", {"op": "replace", "path": path, "value": value}, status=403)
        assert told["detail"].startswith("This person may do or see more"), told
    assert okta.call("DELETE", f"Users/{made}").status_code == 403
    both = [
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "displayName", "value": "x"},
    ]
    okta.patch(f"Users/{made}", *both, status=403)
    off = okta.patch(f"Users/{made}", {"op": "replace", "path": "active", "value": False})
    assert off["active"] is False
    okta.patch(f"Users/{made}", {"op": "replace", "path": "active", "value": True}, status=403)


def test_a_group_gives_what_is_mapped_and_the_provider_maps_nothing(okta: Provider) -> None:
    high = role("Master", 90)
    made = okta.brings("agent")["id"]
    for name in ("Master", str(high.uid), "Full Administrator", "Agent There"):
        okta.groups(name, made)
    roles, _own = granted_to(Person.objects.get(name="agent"))
    assert roles == ()
    refused = okta.patch(
        f"Users/{made}", {"op": "add", "path": "groups", "value": [{"value": str(high.uid)}]}, status=400
    )
    assert refused["scimType"] == "mutability"


def test_nobody_makes_a_token_for_more_than_he_has_himself(root: User) -> None:
    directory, _token = scim_directory(groups={"Masters": role("Master", 90)})
    actor = acting(root)
    weaker = replace(actor, rights=replace(actor.rights, rank=50))
    refused = services.make_token(directory, by=weaker, now=timezone.now())
    assert isinstance(refused, Denied)
    assert refused.code == "rank_too_high"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"},
        {"op": "add", "path": "groups", "value": []},
        {"op": "remove", "path": "groups"},
        {"op": "replace", "path": f"{PERSON}:dbid", "value": 1},
        {"op": "replace", "path": f"{PERSON}:tenantDbid", "value": 999},
        {"op": "replace", "path": f"{PERSON}:engine", "value": "internal"},
        {"op": "replace", "value": {PERSON: {"tenantDbid": 999}}},
        {"op": "replace", "value": {"id": "x"}},
    ],
)
def test_what_must_not_change_does_not(okta: Provider, operation: dict[str, Any]) -> None:
    made = okta.brings("bjensen")
    told = okta.patch(f"Users/{made['id']}", operation, status=400)
    assert told["scimType"] == "mutability"
    assert okta.get(f"Users/{made['id']}") == made


def test_no_password_is_taken_from_an_identity_provider(okta: Provider) -> None:
    made = okta.brings("bjensen")["id"]
    assert okta.brings("x", status=400, password=PASSWORD)["scimType"] == "mutability"
    okta.patch(f"Users/{made}", {"op": "add", "path": "password", "value": PASSWORD}, status=400)
    body = {"schemas": [USER], "userName": "bjensen", "PassWord": PASSWORD}
    assert okta.call("PUT", f"Users/{made}", body).status_code == 400
    found = service.authenticate("bjensen", PASSWORD, environment=snapshot(None), now=timezone.now())
    assert type(found).__name__ == "Refused"


# --- what ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["active", "delete", "group", "directory"])
def test_sessions_end_with_what_they_stood_on(okta: Provider, how: str) -> None:
    made = okta.brings("anna")["id"]
    group = okta.groups("Agents", made)["id"]
    version = Person.objects.get(name="anna").version
    if how == "active":
        okta.patch(f"Users/{made}", {"op": "replace", "path": "active", "value": False})
    elif how == "delete":
        assert okta.call("DELETE", f"Users/{made}").status_code == 204
    elif how == "group":
        okta.patch(f"Groups/{group}", {"op": "remove", "path": f'members[value eq "{made}"]'}, status=204)
    else:
        services.change_directory(Directory.objects.get(), services.DirectoryDraft(is_active=False), **now())
    left = Person.objects.filter(name="anna").values_list("version", flat=True).first()
    assert left != version  # what was signed in under another version is not signed in any more


# --- what it sends ---------------------------------------------------------------------------------------------------------

WRONG: dict[str, list[Any]] = {
    "string": [1, True, {}, ["x"], "a\0b", "\ud800"],
    "boolean": [1, "yes", {}, [True]],
    "integer": ["1", True, 1.5],
    "complex": ["x", 1, True],
}


def _writable(attributes: Any, before: str = "") -> list[tuple[str, Attribute]]:
    return [
        (before + one.name, one)
        for one in attributes
        if one.mutability == "readWrite" and one.type != "reference"
    ]


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        *_writable(USER_SCHEMA.attributes.values()),
        *_writable(PERSON_SCHEMA.attributes.values(), f"{PERSON}:"),
        *[
            (f"{one.name}[value pr].{sub.name}" if one.multi else f"{one.name}.{sub.name}", sub)
            for one in USER_SCHEMA.attributes.values()
            for sub in one.subs
            if one.mutability == sub.mutability == "readWrite"
        ],
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_values_of_the_wrong_type_are_refused_wherever_they_stand(
    okta: Provider, name: str, attribute: Attribute
) -> None:
    made = okta.brings(
        "bjensen", emails=[{"value": "b@acme.example"}], phoneNumbers=[{"value": "+49301234567"}]
    )
    for value in WRONG[attribute.type]:
        if attribute.multi and value == ["x"]:
            continue
        told = okta.patch(f"Users/{made['id']}", {"op": "replace", "path": name, "value": value}, status=400)
        assert told["scimType"] in {"invalidValue", "invalidSyntax"}, value
        if "[" not in name and "." not in name.rpartition(":")[2] and ":" not in name:
            body = {"schemas": [USER], "userName": "other"} | {name: value}
            assert okta.call("POST", "Users", body).status_code == 400, value
    assert okta.get(f"Users/{made['id']}") == made


@pytest.mark.parametrize("name", ["displayName", "externalId", "members"])
def test_groups_of_the_wrong_type_are_refused(okta: Provider, name: str) -> None:
    for value in (
        1,
        True,
        "\0" if name != "members" else "x",
        {"x": 1} if name != "members" else [{"value": 5}],
        [[]],
    ):
        assert okta.groups("G", status=400, **{name: value})["status"] == "400", value
    assert not Group.objects.exists()


def user(text: str) -> str:
    """The JSON of a user, with this in it."""
    return f'{{"schemas": ["{USER}"], {text}}}'


@pytest.mark.parametrize(
    "body",
    [
        "", "null", "[]", "1", '"x"', "{", "{}", '{"schemas": "x"}', '{"schemas": []}', '{"schemas": [1]}', "[" * 100_000,
        '{"a": ' * 5_000 + "1" + "}" * 5_000, user('"userName": "a", "userName": "b"'), user('"userName": "a", "USERNAME": "b"'),
        user('"userName": ""'), user('"userName": "   "'), user(f'"userName": "{"x" * 300}"'), user('"userName": "x", "active": NaN'),
    ],
)  # fmt: skip
def test_bodies_that_are_none_are_refused(okta: Provider, body: str) -> None:
    for method, path in (("POST", "Users"), ("POST", "Groups"), ("POST", "Users/.search")):
        answer = okta.call(method, path, body or None)
        assert answer.status_code == 400, (path, answer.content)
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert not Person.objects.filter(source__isnull=False).exists()


def test_what_is_huge_is_refused_at_once(okta: Provider) -> None:
    made = okta.brings("bjensen")["id"]
    many = [{"op": "add", "path": "displayName", "value": "x"}] * 101
    okta.patch(f"Users/{made}", *many, status=400)
    okta.groups("G", *[made] * 1_001, status=400)
    deep = "(" * 1_000 + "userName pr" + ")" * 1_000
    assert okta.browser.get("/scim/v2/Users", {"filter": deep}).status_code == 400
    nested = {"op": "remove", "path": "emails[" + "not (" * 400 + "value pr" + ")" * 400 + "]"}
    okta.patch(f"Users/{made}", nested, status=400)
    assert okta.call("POST", "Users", "x" * 3_000_000).status_code == 413


def test_text_stays_text(okta: Provider) -> None:
    for number, text in enumerate(
        ("*)(uid=*", "' OR 1=1 --", '"; DROP TABLE x', "<script>alert(1)</script>", "{{7*7}}", "%_\\")
    ):
        made = okta.brings(f"user{number}", displayName=text)
        found = okta.browser.get("/scim/v2/Users", {"filter": f"displayName eq {json.dumps(text)}"}).json()
        assert [one["id"] for one in found["Resources"]] == [made["id"]], text


def test_sessions_are_none_of_its_business(okta: Provider) -> None:
    before = Session.objects.count()
    okta.get("Users")
    assert Session.objects.count() == before


def test_many_values_in_many_operations_cost_nothing(okta: Provider) -> None:
    made = okta.brings("bjensen", emails=[{"value": "b@acme.example"}])
    many = [{"value": f"a{number}@acme.example"} for number in range(1_000)]
    operations = [{"op": "add", "path": "emails", "value": many}] * 15
    began = time.process_time()
    assert okta.patch(f"Users/{made['id']}", *operations, status=400)["scimType"] == "tooMany"
    one_by_one = [{"op": "add", "path": "emails", "value": [one]} for one in many[:40]]
    assert okta.patch(f"Users/{made['id']}", *one_by_one, status=400)["scimType"] == "tooMany"
    assert time.process_time() - began < 1
    assert okta.get(f"Users/{made['id']}") == made


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2026-01-01T00:00:00"]
)
def test_moments_that_there_are_not_are_refused(okta: Provider, moment: str) -> None:
    answer = okta.browser.get("/scim/v2/Users", {"filter": f'meta.created gt "{moment}"'})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")


def test_a_name_that_stands_twice_is_refused_at_every_depth(okta: Provider) -> None:
    made = okta.brings("bjensen")["id"]
    for value in (
        {"userName": "a", "USERNAME": "b"},
        {PERSON: {"externalId": "a", "EXTERNALID": "b"}},
        {"name": {"givenName": "a", "GIVENNAME": "b"}},
    ):
        assert (
            okta.patch(f"Users/{made}", {"op": "add", "value": value}, status=400)["scimType"]
            == "invalidSyntax"
        )
        assert okta.call("POST", "Users", {"schemas": [USER], "userName": "x"} | value).status_code == 400


def test_the_entity_tag_of_a_group_follows_its_members(okta: Provider) -> None:
    made = okta.brings("anna")["id"]
    group = okta.groups("Agents", made)["id"]
    for change in (
        lambda: okta.patch(f"Users/{made}", {"op": "replace", "path": "displayName", "value": "Anna"}),
        lambda: okta.call("DELETE", f"Users/{made}"),
    ):
        tag = okta.call("GET", f"Groups/{group}")["ETag"]
        change()
        assert okta.call("GET", f"Groups/{group}", **{"If-None-Match": tag}).status_code == 200
